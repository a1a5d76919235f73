"""Patches for the server programs (Daphne, uvicorn) and code that depends on their internals, and nothing else."""
