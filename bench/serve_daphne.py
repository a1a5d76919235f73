"""Serves Parlor with Daphne: `python -m bench.serve_daphne <port>`."""

import sys

from api.asgi import application
from api.local.dev.server import serve

if __name__ == "__main__":
    serve(application, "127.0.0.1", int(sys.argv[1]), lambda: None)
