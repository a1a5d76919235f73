"""The live sockets of this process, and what other processes have to say about them."""

import asyncio
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakValueDictionary

from redis.exceptions import RedisError

from api.socket.interfaces import LocalSocket
from api.socket.socket_leases import SocketEntry, SocketLeases
from auth.identity import Identity
from foundation.task_cancellation import cancel_and_wait

logger = logging.getLogger(__name__)

# Leases are renewed this many times within their life, so that two failures in a row lose none.
RENEWALS_PER_LEASE = 3

ControlMessage = dict[str, Any]


# Over how long sockets come back at least, after a restart that closed all at once.
LEAST_SPREAD_MS = 1000

# Sockets whose identities are checked in one question.
CHECKED_AT_ONCE = 1000

RevokedAmong = Callable[[Sequence[Identity]], Awaitable[Collection[Identity]]]


class Control(Protocol):
    """A user's control feed on the channel layer; every process that has a socket of the user follows it."""

    async def follow(self, user_id: int) -> None:
        """From now on hand the user's messages to `LocalSockets.control`."""

    async def unfollow(self, user_id: int) -> None:
        """The process has no socket of the user any more."""

    async def publish(self, user_id: int, message: ControlMessage) -> None:
        """Send a message to all processes that follow the user, this one included."""


class LocalSockets:
    """Knows the process's sockets by id and by user; enters them on the roster and keeps their leases.

    While Redis is away sockets come and go all the same: they are then entered when their leases are next renewed.
    """

    def __init__(
        self,
        control: Control,
        roster: SocketLeases,
        revoked_among: RevokedAmong,
        sockets_per_user: int,
        lease_seconds: float,
    ) -> None:
        self._control = control
        self._roster = roster
        self._revoked_among = revoked_among
        self._bound = sockets_per_user
        self._renewal_seconds = lease_seconds / RENEWALS_PER_LEASE
        self._by_id: dict[str, LocalSocket] = {}
        self._by_user: dict[int, dict[str, LocalSocket]] = {}
        self._followed: set[int] = set()
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._gone: list[tuple[int, str]] = []
        self._removal: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_draining = False

    def __len__(self) -> int:
        return len(self._by_id)

    # --- What connections call

    async def admit(self, socket: LocalSocket) -> None:
        """Enter a socket, and have the user's oldest ones above the bound leave. Raises nothing.

        While the process ends, no socket stays.
        """
        if self._is_draining:
            socket.restart()
            return
        user_id = socket.identity.user_id
        self._by_id[socket.socket_id] = socket
        self._by_user.setdefault(user_id, {})[socket.socket_id] = socket
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._keep_leases())
        await self._align(user_id)
        await self._enter(socket, opened_before=False)

    async def refresh(self, socket: LocalSocket) -> None:
        """Write the socket's new expiry."""
        try:
            await self._roster.update(socket.identity.user_id, _entry(socket))
        except RedisError as error:
            logger.warning("The roster does not know a socket's new expiry: %s", error)

    def release(self, socket: LocalSocket) -> None:
        """Forget a socket; one that was never admitted is no fault."""
        if self._by_id.pop(socket.socket_id, None) is None:
            return
        user_id = socket.identity.user_id
        of_user = self._by_user[user_id]
        del of_user[socket.socket_id]
        if not of_user:
            del self._by_user[user_id]
            self._spawn(self._align(user_id))
        self._forget(user_id, socket.socket_id)

    # --- What the schema and the process call

    async def list_sockets(self, user_id: int) -> list[SocketEntry]:
        """The user's live sockets in all processes, the newest first."""
        return await self._roster.entries(user_id)

    async def close_socket(self, user_id: int, socket_id: str) -> bool:
        """Close one of the user's sockets, wherever it is; False when there is no such socket."""
        if all(entry.id != socket_id for entry in await self._roster.entries(user_id)):
            return False
        await self._roster.remove([(user_id, socket_id)])
        await self._tell(user_id, {"type": "close", "socketId": socket_id})
        return True

    def on_control(self, user_id: int, message: Mapping[str, Any]) -> None:
        """Take a message of the user's control feed.

        `{"type": "revoke", "sessionIds": [...] or null, "epoch": number or null}`, or `supersede` and `close` with a
        `socketId`. Messages of other kinds are not the sockets' affair.
        """
        of_user = self._by_user.get(user_id, {})
        kind = message.get("type")
        if kind == "revoke":
            for socket in list(of_user.values()):
                if _ended(socket.identity, message.get("sessionIds"), message.get("epoch")):
                    socket.revoke()
            return
        named = of_user.get(message.get("socketId", ""))
        if named is not None and kind == "supersede":
            named.supersede()
        elif named is not None and kind == "close":
            named.close_by_user()

    async def drain(self, seconds: float) -> None:
        """Tell all sockets that the process ends, and close them one after the other within `seconds`.

        They are told to come back at various times, so that they do not all come to the next process at once.
        """
        self._is_draining = True
        sockets = list(self._by_id.values())
        spread_ms = max(LEAST_SPREAD_MS, round(seconds * 1000))
        for socket in sockets:
            socket.announce_restart(random.randint(0, spread_ms))  # noqa: S311 - spreads load
        for number, socket in enumerate(sockets):
            socket.restart()
            if number + 1 < len(sockets):
                await asyncio.sleep(seconds / len(sockets))
        await self.stop()

    async def stop(self) -> None:
        """End the registry's own tasks; what they still had to write is written."""
        if self._renewal is not None:
            await cancel_and_wait(self._renewal)
        pending = [*self._tasks, *([self._removal] if self._removal is not None else [])]
        await asyncio.gather(*pending, return_exceptions=True)

    # --- Its own work

    async def _enter(self, socket: LocalSocket, *, opened_before: bool) -> None:
        user_id = socket.identity.user_id
        try:
            oldest = await self._roster.admit(
                user_id, _entry(socket), self._bound, opened_before=opened_before
            )
        except RedisError as error:
            logger.warning("A socket is not on the roster yet: %s", error)
            return
        if socket.socket_id not in self._by_id:
            self._forget(user_id, socket.socket_id)
        for socket_id in oldest:
            await self._tell(user_id, {"type": "supersede", "socketId": socket_id})

    async def _tell(self, user_id: int, message: ControlMessage) -> None:
        # Here at once, and elsewhere through the feed, which may be down.
        here = message.get("socketId") in self._by_id
        self.on_control(user_id, message)
        if here:
            return
        try:
            await self._control.publish(user_id, message)
        except Exception:
            logger.exception("A control message was not published")

    def _forget(self, user_id: int, socket_id: str) -> None:
        self._gone.append((user_id, socket_id))
        if self._removal is None or self._removal.done():
            self._removal = asyncio.create_task(self._remove_gone())

    async def _remove_gone(self) -> None:
        # All sockets that close in the same turn of the loop, or while a removal is under way, go in one.
        while self._gone:
            gone, self._gone = self._gone, []
            try:
                await self._roster.remove(gone)
            except RedisError as error:
                logger.warning("%s sockets stay on the roster until their leases end: %s", len(gone), error)

    async def _align(self, user_id: int) -> None:
        """Follow the user's control feed exactly while there is a socket of theirs."""
        lock = self._locks.setdefault(user_id, asyncio.Lock())
        async with lock:
            wanted = user_id in self._by_user
            if wanted == (user_id in self._followed):
                return
            try:
                if wanted:
                    await self._control.follow(user_id)
                    self._followed.add(user_id)
                else:
                    self._followed.discard(user_id)
                    await self._control.unfollow(user_id)
            except Exception:
                logger.exception("A user's control feed could not be joined or left")

    async def _keep_leases(self) -> None:
        """Renew all leases while there are sockets; who fell off the roster is entered again at their age.

        Messages may be lost. A supersession is made good since the socket enters as the oldest and drives itself out,
        a revocation since the identities are looked up.
        """
        while self._by_id:
            await asyncio.sleep(self._renewal_seconds)
            await self._renew_leases()
            await self._close_revoked()
            for user_id in list(self._by_user):
                if user_id not in self._followed:
                    await self._align(user_id)

    async def _renew_leases(self) -> None:
        try:
            missing = await self._roster.renew({user: list(ids) for user, ids in self._by_user.items()})
        except RedisError as error:
            logger.warning("The leases of %s sockets were not renewed: %s", len(self._by_id), error)
            return
        for socket_id in missing:
            socket = self._by_id.get(socket_id)
            if socket is not None:
                await self._enter(socket, opened_before=True)

    async def _close_revoked(self) -> None:
        sockets = iter(list(self._by_id.values()))
        while batch := list(itertools.islice(sockets, CHECKED_AT_ONCE)):
            try:
                revoked = set(await self._revoked_among([socket.identity for socket in batch]))
            except Exception as error:
                # Nobody can say just now. They stay until somebody can, or their tokens end.
                logger.warning("The identities of %s sockets were not checked: %s", len(batch), error)
                continue
            for socket in batch:
                if socket.identity in revoked and socket.socket_id in self._by_id:
                    socket.revoke()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ended(identity: Identity, session_ids: Sequence[str] | None, epoch: int | None) -> bool:
    """Whether a revocation means this identity: its session is named or, when none is, its epoch is over."""
    if session_ids is not None:
        return identity.session_id in session_ids
    return epoch is None or identity.epoch < epoch


def _entry(socket: LocalSocket) -> SocketEntry:
    identity = socket.identity
    return SocketEntry(
        socket.socket_id, socket.opened_at, identity.expires_at, socket.device, identity.session_id
    )
