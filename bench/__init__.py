"""Benchmarks of Parlor and its peers: `python -m bench <scenario>`. The product never imports this package.

Start with README.md. `scenarios/` holds the benchmarks; `programs` lists what is measured and `servers` starts it;
`world` and `seed` create the data; `feed_clients` and `client_pool` are the receiving clients, `senders` the sending
ones; `load` and `publisher` drive them; `results`, `report`, `chart` and `quote` write the figures.
"""
