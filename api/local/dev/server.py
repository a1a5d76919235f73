"""Runs Daphne in this process until SIGINT or SIGTERM."""

from collections.abc import Callable

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import reactor  # not from twisted: it must be the one that daphne installs

from api.http.asgi_messages import Application
from api.local.dev.errors import DevRefused
from api.process.drain import drain
from api.servers.daphne import Server

# Connections that wait to be accepted. With Twisted's default of 50, a storm of 3,000 clients had to retry.
BACKLOG = 4096


def serve(application: Application, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve `application` on `host` and `port`, and call `ready` once it listens. Raises DevRefused when it cannot.

    No access log: it would show query strings.
    """
    server = Server(
        application=application,
        endpoints=[f"{endpoint}:backlog={BACKLOG}" for endpoint in _endpoints(host, port)],
        verbosity=0,
        ready_callable=lambda: reactor.callLater(0, ready),
        server_name="parlor",
        drain=drain,
    )
    server.run()
    if server.abort_start:
        raise DevRefused(f"Port {port} on {host} was taken while Parlor started: set PORT to a free one.")


def _endpoints(host: str, port: int) -> list[str]:
    endpoints: list[str] = build_endpoint_description_strings(host=host, port=port)
    return endpoints
