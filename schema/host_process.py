"""What the schema needs of the process that serves it. `api` installs that at start; nothing here imports `api`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class SocketRow(Protocol):
    """A live socket of a user, on any process. Times are UTC."""

    @property
    def id(self) -> str:
        """The socket's id."""

    @property
    def opened_at(self) -> datetime:
        """When it was opened."""

    @property
    def expires_at(self) -> datetime:
        """When its token ends."""

    @property
    def device(self) -> str:
        """The client's description of itself; may be empty."""


class SocketDirectory(Protocol):
    """The live sockets of all processes."""

    async def list_sockets(self, user_id: int) -> Sequence[SocketRow]:
        """The user's sockets, the newest first."""

    async def close_socket(self, user_id: int, socket_id: str) -> bool:
        """Close one of the user's sockets, on any process; False when there is no such socket."""


@dataclass(frozen=True, slots=True)
class CloseCodeRow:
    """A code that closes a socket: its number and name, a sentence, and whether to reconnect."""

    code: int
    name: str
    meaning: str
    retry: bool


class HostProcess(Protocol):
    """The process that serves this schema."""

    def sockets(self) -> SocketDirectory:
        """The sockets, through the registry of the running event loop."""

    def close_codes(self) -> Sequence[CloseCodeRow]:
        """Every close code, by number."""


_process: HostProcess | None = None


def install(process: HostProcess) -> None:
    """Make `process` the serving process. Called once, at start."""
    global _process
    _process = process


def process() -> HostProcess:
    """The installed process. Raises RuntimeError if there is none."""
    if _process is None:
        raise RuntimeError("No process is installed: the app `api` calls schema.host_process.install.")
    return _process
