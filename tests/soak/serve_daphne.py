"""Parlor's Daphne on a listening descriptor: `python -m tests.soak.serve_daphne DESCRIPTOR`."""

import sys

from api.asgi import application
from api.servers.daphne import Server

if __name__ == "__main__":
    Server(
        application=application,
        endpoints=[f"fd:fileno={int(sys.argv[1])}"],
        verbosity=0,
        server_name="parlor",
    ).run()
