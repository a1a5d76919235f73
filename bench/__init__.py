"""Benchmarks of Parlor beside its peers: `python -m bench <scenario>`. Never imported by the product.

Read README.md first. `machine` and `servers` hold the machine still, `world` makes the data, `subjects` says who is
measured, `sockets` and `crowd` are the clients, `load` drives them, `scenarios` are the experiments, `report` writes.
"""
