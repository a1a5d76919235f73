"""Daphne in this process, until SIGINT or SIGTERM."""

from collections.abc import Callable

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server

from api.asgi import application
from api.dev.errors import DevRefused


def serve(host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve Parlor on `host` and `port`, and call `ready` once it listens. Raises DevRefused when it cannot listen.

    No access log: it would show query strings. No end of a websocket's life: Daphne's default is a day.
    """
    server = Server(
        application=application,
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_timeout=-1,
        verbosity=0,
        ready_callable=ready,
        server_name="parlor",
    )
    server.run()
    if server.abort_start:
        raise DevRefused(f"Port {port} on {host} was taken while Parlor started: set PORT to a free one.")
