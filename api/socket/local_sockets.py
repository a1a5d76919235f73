"""The registry of this process's live sockets: keeps their leases, and applies the control messages about them."""

import asyncio
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, Protocol
from weakref import WeakValueDictionary

from redis.exceptions import RedisError

from api.socket.control_messages import CloseSocket, ControlMessage, Revoke, Supersede
from api.socket.interfaces import LocalSocket
from api.socket.socket_leases import SocketLeases, SocketRecord
from auth.identity import Identity
from foundation.task_cancellation import cancel_and_wait

logger = logging.getLogger(__name__)

# Leases are renewed this many times within their life, so that two failures in a row lose none.
RENEWALS_PER_LEASE = 3

# After a restart that closed all sockets at once, they reconnect over at least this long.
MIN_RECONNECT_SPREAD_MS = 1000

# Sockets whose identities are checked in one call.
REVOCATION_CHECK_BATCH = 1000

RevokedAmong = Callable[[Sequence[Identity]], Awaitable[Collection[Identity]]]


class ControlFeeds(Protocol):
    """The control feeds of users on the channel layer; every process that has a socket of a user joins that user's."""

    async def join(self, user_id: int) -> None:
        """Begin to pass the user's messages to `LocalSockets.on_control_message`."""

    async def leave(self, user_id: int) -> None:
        """Stop passing on the user's messages."""

    async def publish(self, user_id: int, message: ControlMessage) -> None:
        """Send a message to all processes that have joined the user's feed, this one included."""


class LocalSockets:
    """The process's sockets by id and by user, each with a lease in Redis.

    Without Redis sockets open and close all the same; they get their leases when leases are next renewed.
    """

    def __init__(
        self,
        control_feeds: ControlFeeds,
        leases: SocketLeases,
        revoked_among: RevokedAmong,
        sockets_per_user: int,
        lease_seconds: float,
    ) -> None:
        self._control_feeds = control_feeds
        self._leases = leases
        self._revoked_among = revoked_among
        self._sockets_per_user = sockets_per_user
        self._renewal_seconds = lease_seconds / RENEWALS_PER_LEASE
        self._by_id: dict[str, LocalSocket] = {}
        self._by_user: dict[int, dict[str, LocalSocket]] = {}
        self._joined_feeds: set[int] = set()
        self._feed_locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._unreleased: list[tuple[int, str]] = []
        self._lease_release: asyncio.Task[None] | None = None
        self._lease_renewal: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_draining = False

    # --- SocketRegistry, for the sockets

    async def admit(self, socket: LocalSocket) -> None:
        """Add a socket, superseding the user's oldest ones above the limit. Raises nothing.

        Closes the socket instead once the process drains.
        """
        if self._is_draining:
            socket.close_for_restart()
            return
        user_id = socket.identity.user_id
        self._by_id[socket.socket_id] = socket
        self._by_user.setdefault(user_id, {})[socket.socket_id] = socket
        if self._lease_renewal is None or self._lease_renewal.done():
            self._lease_renewal = asyncio.create_task(self._renew_periodically())
        await self._join_or_leave_feed(user_id)
        await self._acquire_lease(socket, opened_before=False)

    async def refresh(self, socket: LocalSocket) -> None:
        """Record the socket's new expiry in Redis."""
        try:
            await self._leases.update(socket.identity.user_id, _record(socket))
        except RedisError as error:
            logger.warning("A socket's new expiry was not recorded in Redis: %s", error)

    def release(self, socket: LocalSocket) -> None:
        """Remove a socket; also harmless for one that was never admitted."""
        if self._by_id.pop(socket.socket_id, None) is None:
            return
        user_id = socket.identity.user_id
        of_user = self._by_user[user_id]
        del of_user[socket.socket_id]
        if not of_user:
            del self._by_user[user_id]
            self._start_task(self._join_or_leave_feed(user_id))
        self._release_lease(user_id, socket.socket_id)

    # --- For the schema and the process

    async def list_sockets(self, user_id: int) -> list[SocketRecord]:
        """The user's live sockets in all processes, the newest first."""
        return await self._leases.read(user_id)

    async def close_socket(self, user_id: int, socket_id: str) -> bool:
        """Close one of the user's sockets, on any process; False when there is no such socket."""
        if all(record.id != socket_id for record in await self._leases.read(user_id)):
            return False
        await self._leases.release([(user_id, socket_id)])
        await self._send_control(user_id, CloseSocket(socket_id))
        return True

    def on_control_message(self, user_id: int, message: ControlMessage) -> None:
        """Apply a message of the user's control feed to the user's sockets."""
        of_user = self._by_user.get(user_id, {})
        match message:
            case Revoke():
                revoked = message.revoked(user_id)
                for socket in list(of_user.values()):
                    if revoked.covers(socket.identity):
                        socket.close_revoked()
            case Supersede(socket_id):
                if socket_id in of_user:
                    of_user[socket_id].close_superseded()
            case CloseSocket(socket_id):
                if socket_id in of_user:
                    of_user[socket_id].close_by_user()

    async def drain(self, seconds: float) -> None:
        """Announce the end of the process to all sockets, and close them one after the other within `seconds`.

        Each client gets a random time to reconnect at, so that they do not all reach the next process at once.
        """
        self._is_draining = True
        sockets = list(self._by_id.values())
        spread_ms = max(MIN_RECONNECT_SPREAD_MS, round(seconds * 1000))
        for socket in sockets:
            socket.announce_restart(random.randint(0, spread_ms))  # noqa: S311 - spreads load
        for number, socket in enumerate(sockets):
            socket.close_for_restart()
            if number + 1 < len(sockets):
                await asyncio.sleep(seconds / len(sockets))
        await self.stop()

    async def stop(self) -> None:
        """End the registry's tasks, after they have written what they still had to write."""
        if self._lease_renewal is not None:
            await cancel_and_wait(self._lease_renewal)
        pending = [*self._tasks, *([self._lease_release] if self._lease_release is not None else [])]
        await asyncio.gather(*pending, return_exceptions=True)

    # --- Leases

    async def _acquire_lease(self, socket: LocalSocket, *, opened_before: bool) -> None:
        user_id = socket.identity.user_id
        try:
            oldest = await self._leases.acquire(
                user_id, _record(socket), self._sockets_per_user, opened_before=opened_before
            )
        except RedisError as error:
            logger.warning("A socket has no lease in Redis yet: %s", error)
            return
        if socket.socket_id not in self._by_id:
            self._release_lease(user_id, socket.socket_id)
        for socket_id in oldest:
            await self._send_control(user_id, Supersede(socket_id))

    def _release_lease(self, user_id: int, socket_id: str) -> None:
        self._unreleased.append((user_id, socket_id))
        if self._lease_release is None or self._lease_release.done():
            self._lease_release = asyncio.create_task(self._release_leases())

    async def _release_leases(self) -> None:
        # All sockets that close in the same turn of the loop, or while a release is under way, go in one.
        while self._unreleased:
            sockets, self._unreleased = self._unreleased, []
            try:
                await self._leases.release(sockets)
            except RedisError as error:
                logger.warning(
                    "The leases of %s closed sockets stay until they expire: %s", len(sockets), error
                )

    async def _renew_periodically(self) -> None:
        """Renew all leases while there are sockets; a socket that lost its lease acquires one again at its age.

        Makes up for lost messages: after a lost supersession the socket acquires its lease as the oldest one, which
        supersedes it; after a lost revocation the check of all identities finds it.
        """
        while self._by_id:
            await asyncio.sleep(self._renewal_seconds)
            await self._renew_leases()
            await self._close_revoked()
            for user_id in list(self._by_user):
                if user_id not in self._joined_feeds:
                    await self._join_or_leave_feed(user_id)

    async def _renew_leases(self) -> None:
        try:
            missing = await self._leases.renew({user: list(ids) for user, ids in self._by_user.items()})
        except RedisError as error:
            logger.warning("The leases of %s sockets were not renewed: %s", len(self._by_id), error)
            return
        for socket_id in missing:
            socket = self._by_id.get(socket_id)
            if socket is not None:
                await self._acquire_lease(socket, opened_before=True)

    # --- Revocation and control feeds

    async def _close_revoked(self) -> None:
        sockets = iter(list(self._by_id.values()))
        while batch := list(itertools.islice(sockets, REVOCATION_CHECK_BATCH)):
            try:
                revoked = set(await self._revoked_among([socket.identity for socket in batch]))
            except Exception as error:
                # Neither Redis nor the database answers. The sockets stay until one does, or until their tokens end.
                logger.warning("The identities of %s sockets were not checked: %s", len(batch), error)
                continue
            for socket in batch:
                if socket.identity in revoked and socket.socket_id in self._by_id:
                    socket.close_revoked()

    async def _send_control(self, user_id: int, message: Supersede | CloseSocket) -> None:
        # A socket of this process gets it at once; other processes through the feed, which may be down.
        is_local = message.socket_id in self._by_id
        self.on_control_message(user_id, message)
        if is_local:
            return
        try:
            await self._control_feeds.publish(user_id, message)
        except Exception:
            logger.exception("A control message was not published")

    async def _join_or_leave_feed(self, user_id: int) -> None:
        """Join the user's control feed if this process has a socket of the user, else leave it."""
        lock = self._feed_locks.setdefault(user_id, asyncio.Lock())
        async with lock:
            wanted = user_id in self._by_user
            if wanted == (user_id in self._joined_feeds):
                return
            try:
                if wanted:
                    await self._control_feeds.join(user_id)
                    self._joined_feeds.add(user_id)
                else:
                    self._joined_feeds.discard(user_id)
                    await self._control_feeds.leave(user_id)
            except Exception:
                logger.exception("A user's control feed could not be joined or left")

    def _start_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _record(socket: LocalSocket) -> SocketRecord:
    identity = socket.identity
    return SocketRecord(
        socket.socket_id, socket.opened_at, identity.expires_at, socket.device, identity.session_id
    )
