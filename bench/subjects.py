"""Who is measured: how each is started, which dialect its clients speak, how an event reaches it through Redis."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.world import World

PEERS = Path(__file__).parent / "peers"

Kind = Literal["parlor", "stock", "node", "socketio", "raw"]


@dataclass(frozen=True, slots=True)
class Subject:
    """One program under one server."""

    name: str
    label: str
    kind: Kind
    server: Literal["uvicorn", "daphne", "node"]

    @property
    def path(self) -> str:
        """Where its websocket lives."""
        return "/socket.io/?EIO=4&transport=websocket" if self.kind == "socketio" else "/graphql/"

    def command(self, world: World, port: int) -> list[str]:
        """The command that serves it on `port`."""
        if self.server == "node":
            folder = "socketio" if self.kind == "socketio" else "node"
            return ["node", str(PEERS / folder / "server.js"), str(port), world.redis_path]
        application = _APPLICATIONS[self.kind]
        if self.server == "uvicorn":
            own = _PARLORS if self.kind == "parlor" else ()
            return [sys.executable, "-m", "uvicorn", application, *_UVICORN, *own, "--port", str(port)]
        if self.kind == "parlor":
            return [sys.executable, "-m", "bench.serve_daphne", str(port)]
        return [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), application]


_APPLICATIONS = {
    "parlor": "api.asgi:application",
    "stock": "bench.peers.stock.asgi:application",
    "raw": "bench.peers.raw.app:application",
}
_UVICORN = ("--host", "127.0.0.1", "--no-access-log", "--log-level", "warning", "--backlog", "4096")
# As the README says.
_PARLORS = (
    "--ws",
    "api.servers.uvicorn:WebSocketProtocol",
    "--ws-per-message-deflate",
    "false",
    "--ws-ping-interval",
    "0",
)

SUBJECTS = (
    Subject("parlor-uvicorn", "Parlor, uvicorn", "parlor", "uvicorn"),
    Subject("parlor-daphne", "Parlor, Daphne", "parlor", "daphne"),
    Subject("node", "Node: graphql-ws, graphql-redis-subscriptions", "node", "node"),
    Subject("socketio", "Node: socket.io, Redis adapter (no GraphQL)", "socketio", "node"),
    Subject("stock-daphne", "Strawberry + Channels + channels_redis, Daphne", "stock", "daphne"),
    Subject("raw-uvicorn", "raw ASGI loop, uvicorn (limit)", "raw", "uvicorn"),
    Subject("raw-daphne", "raw ASGI loop, Daphne (limit)", "raw", "daphne"),
)
BY_NAME = {subject.name: subject for subject in SUBJECTS}
