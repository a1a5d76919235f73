"""The ASGI application that every server runs: `api.asgi:application`.

`/graphql/` is ours, over HTTP and as a websocket, and so is `/health/`. Everything else over HTTP is Django's.
"""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "api.settings")
django_application = get_asgi_application()

# What follows needs Django to be set up.
from api.http.allowed_hosts import is_allowed, refuse_handshake  # noqa: E402
from api.http.app import GraphQLHTTP  # noqa: E402
from api.http.body_limits import Application, bounded  # noqa: E402
from api.process.composition import socket_dependencies  # noqa: E402
from api.process.drain import DrainOnSignal, drain  # noqa: E402
from api.process.garbage_collection import tune_garbage_collector  # noqa: E402
from api.process.health import PATHS as HEALTH_PATHS  # noqa: E402
from api.process.health import health  # noqa: E402
from api.process.logs import tidy_logs_of_servers  # noqa: E402
from api.socket.consumer import GraphQLConsumer  # noqa: E402
from schema import execution  # noqa: E402

tidy_logs_of_servers()

GRAPHQL_PATHS = ("/graphql/", "/graphql")

graphql_over_http = GraphQLHTTP(execution)
all_else_over_http = bounded(django_application)
graphql_over_socket = GraphQLConsumer(socket_dependencies)
tune_garbage_collector()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Route one connection by its protocol and path."""
    if scope["type"] == "websocket":
        await _over_socket(scope)(scope, receive, send)
    elif scope["type"] == "http":
        await _over_http(scope["path"])(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send)


def _over_socket(scope: dict[str, Any]) -> Application:
    if scope["path"] not in GRAPHQL_PATHS:
        return _refuse
    return graphql_over_socket if is_allowed(scope) else refuse_handshake


def _over_http(path: str) -> Application:
    if path in GRAPHQL_PATHS:
        return graphql_over_http
    return health if path in HEALTH_PATHS else all_else_over_http


async def _refuse(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """No websocket lives at this path: an HTTP 403, since ASGI knows no 404 here."""
    await send({"type": "websocket.close"})


async def _lifespan(receive: Any, send: Any) -> None:
    """Start and stop with the server, where the server tells (uvicorn does, Daphne does not)."""
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
