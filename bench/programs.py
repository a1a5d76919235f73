"""The measured programs: their names, their kinds, and the commands that start them."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.world import World

PEERS = Path(__file__).parent / "peers"

Kind = Literal["parlor", "stock", "node", "socketio", "raw"]


@dataclass(frozen=True, slots=True)
class Program:
    """A program on a server program. `kind` decides the clients' protocol and the format of events in Redis."""

    name: str
    label: str
    kind: Kind
    server: Literal["uvicorn", "daphne", "node"]

    @property
    def path(self) -> str:
        """The path of the program's websocket."""
        return "/socket.io/?EIO=4&transport=websocket" if self.kind == "socketio" else "/graphql/"

    def command(self, world: World, port: int) -> list[str]:
        """The command that serves the program on `port`."""
        if self.server == "node":
            folder = "socketio" if self.kind == "socketio" else "node"
            return ["node", str(PEERS / folder / "server.js"), str(port), world.redis_path]
        application = _APPLICATIONS[self.kind]
        if self.server == "uvicorn":
            options = _PARLOR_UVICORN if self.kind == "parlor" else ()
            return [sys.executable, "-m", "uvicorn", application, *_UVICORN, *options, "--port", str(port)]
        if self.kind == "parlor":
            return [sys.executable, "-m", "bench.serve_daphne", str(port)]
        return [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), application]


_APPLICATIONS = {
    "parlor": "api.asgi:application",
    "stock": "bench.peers.stock.asgi:application",
    "raw": "bench.peers.raw.app:application",
}
_UVICORN = ("--host", "127.0.0.1", "--no-access-log", "--log-level", "warning", "--backlog", "4096")
# The options that Parlor's README recommends.
_PARLOR_UVICORN = (
    "--ws",
    "api.servers.uvicorn:WebSocketProtocol",
    "--ws-per-message-deflate",
    "false",
    "--ws-ping-interval",
    "0",
)

PROGRAMS = (
    Program("parlor-uvicorn", "Parlor, uvicorn", "parlor", "uvicorn"),
    Program("parlor-daphne", "Parlor, Daphne", "parlor", "daphne"),
    Program("node", "Node: graphql-ws, graphql-redis-subscriptions", "node", "node"),
    Program("socketio", "Node: socket.io, Redis adapter (no GraphQL)", "socketio", "node"),
    Program("stock-daphne", "Strawberry + Channels + channels_redis, Daphne", "stock", "daphne"),
    Program("raw-uvicorn", "raw ASGI loop, uvicorn (limit)", "raw", "uvicorn"),
    Program("raw-daphne", "raw ASGI loop, Daphne (limit)", "raw", "daphne"),
)
PROGRAMS_BY_NAME = {program.name: program for program in PROGRAMS}
