"""Processes on one Redis: registries with a layer between them, and sockets that are nothing but remembered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from api.socket.local_sockets import LocalSockets
from api.socket.socket_leases import SocketLeases
from auth.identity import Identity
from foundation.errors import ErrorCode, ParlorError
from tests.api.socket.fakes import identity

LEASE_SECONDS = 0.3


class Feeds:
    """A layer between registries: hands each message to those who follow."""

    def __init__(self) -> None:
        self.followers: dict[int, list[Control]] = {}
        self.lossy = False
        self.published: list[dict[str, Any]] = []


class Control:
    """One process's end of the layer."""

    def __init__(self, feeds: Feeds) -> None:
        self.feeds = feeds
        self.registry: LocalSockets | None = None
        self.joins: list[str] = []

    async def follow(self, user_id: int) -> None:
        """Join."""
        self.joins.append("follow")
        await asyncio.sleep(0)
        self.feeds.followers.setdefault(user_id, []).append(self)

    async def unfollow(self, user_id: int) -> None:
        """Leave."""
        self.joins.append("unfollow")
        await asyncio.sleep(0)
        self.feeds.followers[user_id].remove(self)

    async def publish(self, user_id: int, message: dict[str, Any]) -> None:
        """Hand on."""
        self.feeds.published.append(message)
        if self.feeds.lossy:
            return
        for control in list(self.feeds.followers.get(user_id, [])):
            assert control.registry is not None
            control.registry.on_control(user_id, message)


@dataclass(eq=False)
class FakeSocket:
    """A connection as the registry sees it; leaves the registry when it is closed, as a connection does."""

    registry: LocalSockets
    socket_id: str
    identity: Identity = field(default_factory=identity)
    opened_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    device: str = "phone"
    ended: list[str] = field(default_factory=list)

    def _end(self, how: str) -> None:
        self.ended.append(how)
        self.registry.release(self)

    def supersede(self) -> None:
        """Another takes its place."""
        self._end("superseded")

    def close_by_user(self) -> None:
        """Closed from elsewhere."""
        self._end("closed")

    def revoke(self) -> None:
        """Its session has ended."""
        self._end("revoked")

    def announce_restart(self, reconnect_after_ms: int) -> None:
        """The process is about to end."""
        assert reconnect_after_ms >= 0
        self.ended.append("announced")

    def restart(self) -> None:
        """The process ends."""
        self._end("restarted")


class World:
    """Processes on one Redis and one layer."""

    def __init__(self) -> None:
        self.feeds = Feeds()
        self.registries: list[LocalSockets] = []
        self.revoked: set[Identity] = set()
        self.nobody_knows = False
        self.questions: list[int] = []

    def process(self, bound: int = 10) -> LocalSockets:
        """Another process."""
        control = Control(self.feeds)
        registry = LocalSockets(
            control, SocketLeases(LEASE_SECONDS), self.revoked_among, bound, LEASE_SECONDS
        )
        control.registry = registry
        self.registries.append(registry)
        return registry

    async def revoked_among(self, identities: Sequence[Identity]) -> set[Identity]:
        """Whom the deny-list names."""
        self.questions.append(len(identities))
        if self.nobody_knows:
            raise ParlorError(ErrorCode.INTERNAL, "Nobody can say.")
        return self.revoked.intersection(identities)

    async def socket(self, registry: LocalSockets, name: str, who: Identity | None = None) -> FakeSocket:
        """Another socket of that process."""
        made = FakeSocket(registry, name, who or identity())
        await registry.admit(made)
        return made

    async def settle(self) -> None:
        """Let removals reach Redis."""
        for registry in self.registries:
            removal = registry._removal
            if removal is not None:
                await removal
