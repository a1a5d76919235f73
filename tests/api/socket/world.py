"""Several processes on one Redis: registries of sockets, a channel layer between them, and fake sockets."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.socket.control_messages import ControlMessage
from api.socket.local_sockets import LocalSockets
from api.socket.socket_leases import SocketLeases
from auth.identity import Identity
from foundation.errors import ErrorCode, ParlorError
from tests.api.socket.fakes import identity

LEASE_SECONDS = 0.3


class FakeLayer:
    """The channel layer between the processes: delivers each message to the processes that joined the user's feed."""

    def __init__(self) -> None:
        self.joined: dict[int, list[FakeControlFeeds]] = {}
        self.lossy = False
        self.published: list[ControlMessage] = []


class FakeControlFeeds:
    """The control feeds of one process."""

    def __init__(self, layer: FakeLayer) -> None:
        self.layer = layer
        self.registry: LocalSockets | None = None

    async def join(self, user_id: int) -> None:
        """Join the feed."""
        await asyncio.sleep(0)
        self.layer.joined.setdefault(user_id, []).append(self)

    async def leave(self, user_id: int) -> None:
        """Leave the feed."""
        await asyncio.sleep(0)
        self.layer.joined[user_id].remove(self)

    async def publish(self, user_id: int, message: ControlMessage) -> None:
        """Deliver the message, unless the layer loses messages."""
        self.layer.published.append(message)
        if self.layer.lossy:
            return
        for feeds in list(self.layer.joined.get(user_id, [])):
            assert feeds.registry is not None
            feeds.registry.on_control_message(user_id, message)


@dataclass(eq=False)
class FakeSocket:
    """A socket as the registry sees it. Like a real one, it leaves the registry when it is closed."""

    registry: LocalSockets
    socket_id: str
    identity: Identity = field(default_factory=identity)
    opened_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    device: str = "phone"
    ended: list[str] = field(default_factory=list)

    def _close(self, how: str) -> None:
        self.ended.append(how)
        self.registry.release(self)

    def close_superseded(self) -> None:
        """Record the close."""
        self._close("superseded")

    def close_by_user(self) -> None:
        """Record the close."""
        self._close("closed")

    def close_revoked(self) -> None:
        """Record the close."""
        self._close("revoked")

    def announce_restart(self, reconnect_after_ms: int) -> None:
        """Record the announcement."""
        assert reconnect_after_ms >= 0
        self.ended.append("announced")

    def close_for_restart(self) -> None:
        """Record the close."""
        self._close("restarted")


class World:
    """Several processes on one Redis and one channel layer."""

    def __init__(self) -> None:
        self.layer = FakeLayer()
        self.feeds: list[FakeControlFeeds] = []
        self.registries: list[LocalSockets] = []
        self.sockets: list[FakeSocket] = []
        self.revoked: set[Identity] = set()
        self.cannot_check = False
        self.checked: list[int] = []

    def process(self, sockets_per_user: int = 10) -> LocalSockets:
        """Start another process."""
        feeds = FakeControlFeeds(self.layer)
        registry = LocalSockets(
            feeds, SocketLeases(LEASE_SECONDS), self.revoked_among, sockets_per_user, LEASE_SECONDS
        )
        feeds.registry = registry
        self.feeds.append(feeds)
        self.registries.append(registry)
        return registry

    async def revoked_among(self, identities: Sequence[Identity]) -> set[Identity]:
        """The identities that the test has revoked."""
        self.checked.append(len(identities))
        if self.cannot_check:
            raise ParlorError(ErrorCode.INTERNAL, "The deny-list cannot be read.")
        return self.revoked.intersection(identities)

    async def socket(self, registry: LocalSockets, name: str, owner: Identity | None = None) -> FakeSocket:
        """Open another socket of that process."""
        socket = FakeSocket(registry, name, owner or identity())
        self.sockets.append(socket)
        await registry.admit(socket)
        return socket

    async def stop(self) -> None:
        """Release all sockets and stop all processes, once the leases are removed."""
        for socket in self.sockets:
            socket.registry.release(socket)
        for registry in self.registries:
            await registry.stop()

    async def leases_removed(self) -> None:
        """Wait until the leases of released sockets are removed."""
        for registry in self.registries:
            removal = registry._lease_release
            if removal is not None:
                await removal


def crash(registry: LocalSockets) -> None:
    """End the process without a word: its leases are no longer renewed."""
    assert registry._lease_renewal is not None
    registry._lease_renewal.cancel()


def count(registry: LocalSockets) -> int:
    """How many sockets the process has."""
    return len(registry._by_id)


def is_empty(registry: LocalSockets) -> bool:
    """Whether nothing is left of released sockets."""
    return not (registry._by_id or registry._by_user or registry._joined_feeds or registry._tasks)
