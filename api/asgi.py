"""The ASGI application that every server program runs: `api.asgi:application`.

It routes `/graphql/`, over HTTP and as a websocket, and `/health/`; Django handles everything else over HTTP.
"""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
django_application = get_asgi_application()

# These imports need Django to be set up.
from api.http.allowed_hosts import is_host_allowed, refuse_handshake  # noqa: E402
from api.http.allowed_origins import may_open_socket  # noqa: E402
from api.http.app import GraphQLHTTP  # noqa: E402
from api.http.asgi_messages import Application  # noqa: E402
from api.http.body_limits import with_body_limits  # noqa: E402
from api.process.composition import socket_dependencies  # noqa: E402
from api.process.drain import DrainOnSignal, drain  # noqa: E402
from api.process.garbage_collection import tune_garbage_collector  # noqa: E402
from api.process.health import PATHS as HEALTH_PATHS  # noqa: E402
from api.process.health import health  # noqa: E402
from api.process.logs import filter_server_logs  # noqa: E402
from api.socket.consumer import GraphQLConsumer  # noqa: E402
from schema import execution  # noqa: E402

filter_server_logs()
execution.load_trusted_documents()

GRAPHQL_PATHS = ("/graphql/", "/graphql")

graphql_over_http = GraphQLHTTP(execution)
django_over_http = with_body_limits(django_application)
graphql_over_socket = GraphQLConsumer(socket_dependencies, may_open_socket)
tune_garbage_collector()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Route one request, socket or lifespan by its protocol and path."""
    if scope["type"] == "websocket":
        await _socket_application(scope)(scope, receive, send)
    elif scope["type"] == "http":
        await _http_application(scope["path"])(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)


def _socket_application(scope: dict[str, Any]) -> Application:
    if scope["path"] not in GRAPHQL_PATHS:
        return _refuse
    return graphql_over_socket if is_host_allowed(scope) else refuse_handshake


def _http_application(path: str) -> Application:
    if path in GRAPHQL_PATHS:
        return graphql_over_http
    return health if path in HEALTH_PATHS else django_over_http


async def _refuse(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Refuse a websocket at any other path: an HTTP 403, since ASGI cannot answer a handshake with 404."""
    await send({"type": "websocket.close"})


async def _lifespan(receive: Any, send: Any) -> None:
    """Start and stop with servers that support the lifespan protocol (uvicorn does, Daphne does not)."""
    signals = DrainOnSignal()
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            signals.install()
        else:
            signals.remove()
            await drain()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
