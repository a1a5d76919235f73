"""The sockets of each user across all processes, in Redis.

A socket holds a lease, which its process renews; those of a process that crashed run out. All times are Redis's own, so
the clocks of processes need not agree. The three keys of a user carry one hash tag and lie on one node of a cluster.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from django.conf import settings

from foundation.batching import Batcher
from foundation.redis import async_redis

# KEYS: leases, opened, about. ARGV: socket id, opened (a Unix time, empty for now), about, lease seconds, bound.
# Answers with the ids that the bound drives out, the oldest first.
_ADMIT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end
local opened = ARGV[2]
if opened == '' then opened = string.format('%.6f', now) end
redis.call('ZADD', KEYS[1], string.format('%.6f', now + tonumber(ARGV[4])), ARGV[1])
redis.call('ZADD', KEYS[2], opened, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, math.ceil(2000 * tonumber(ARGV[4]))) end
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[5])
if over <= 0 then return {} end
local oldest = redis.call('ZRANGE', KEYS[2], 0, over - 1)
for _, id in ipairs(oldest) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end
return oldest
"""

# KEYS: as above. ARGV: lease seconds, then socket ids. Answers with the ids that are not on the roster.
_RENEW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local missing = {}
for i = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('ZADD', KEYS[1], string.format('%.6f', now + tonumber(ARGV[1])), ARGV[i])
  else
    missing[#missing + 1] = ARGV[i]
  end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, math.ceil(2000 * tonumber(ARGV[1]))) end
return missing
"""

# Users in one pipeline: large enough to save round trips, small enough to leave the loop to others in between.
_BATCH = 200


@dataclass(frozen=True, slots=True)
class SocketEntry:
    """A live socket of a user, on whatever process. Times are UTC."""

    id: str
    opened_at: datetime
    expires_at: datetime
    device: str
    session_id: str


@dataclass(frozen=True, slots=True)
class _Admission:
    user_id: int
    entry: SocketEntry
    bound: int
    opened_before: bool


def _keys(user_id: int) -> tuple[str, str, str]:
    root = f"parlor:sockets:{{{user_id}}}"
    return f"{root}:leases", f"{root}:opened", f"{root}:about"


class SocketLeases:
    """Reads and writes the record. Leases are of `lease_seconds`, else SOCKET_LEASE_SECONDS. May raise RedisError."""

    def __init__(self, lease_seconds: float | None = None) -> None:
        self._lease_seconds = lease_seconds or settings.SOCKET_LEASE_SECONDS
        self._admissions: Batcher[_Admission, list[str]] = Batcher(self._admit, in_turn=True)

    async def admit(
        self, user_id: int, entry: SocketEntry, bound: int, *, opened_before: bool = False
    ) -> list[str]:
        """Enter a socket, and return the ids of the oldest that the bound drives out, which are off the roster now.

        `opened_before` enters one that was on the roster, at its age, which may be driven out itself. Those that enter
        at the same time share the round trip.
        """
        return await self._admissions.load(_Admission(user_id, entry, bound, opened_before)) or []

    async def _admit(self, admissions: list[_Admission]) -> dict[_Admission, list[str]]:
        async with async_redis().pipeline(transaction=False) as pipeline:
            script = pipeline.register_script(_ADMIT)
            for admission in admissions:
                entry = admission.entry
                opened = f"{entry.opened_at.timestamp():.6f}" if admission.opened_before else ""
                about = msgspec.json.encode(entry)
                arguments: list[str | bytes | float] = [
                    entry.id,
                    opened,
                    about,
                    self._lease_seconds,
                    admission.bound,
                ]
                await script(keys=_keys(admission.user_id), args=arguments, client=pipeline)
            answers = await pipeline.execute()
        return {admission: _texts(answer) for admission, answer in zip(admissions, answers, strict=True)}

    async def renew(self, socket_ids: Mapping[int, Sequence[str]]) -> list[str]:
        """Renew the leases of these sockets, given by user; returns the ids that are not on the roster."""
        missing: list[str] = []
        users = iter(socket_ids.items())
        while batch := list(itertools.islice(users, _BATCH)):
            async with async_redis().pipeline(transaction=False) as pipeline:
                script = pipeline.register_script(_RENEW)
                for user_id, ids in batch:
                    await script(keys=_keys(user_id), args=[self._lease_seconds, *ids], client=pipeline)
                for answer in await pipeline.execute():
                    missing += _texts(answer)
        return missing

    async def update(self, user_id: int, entry: SocketEntry) -> None:
        """Replace what is known about a socket."""
        await async_redis().hset(_keys(user_id)[2], entry.id, msgspec.json.encode(entry))

    async def remove(self, sockets: Iterable[tuple[int, str]]) -> None:
        """Take sockets, as (user id, socket id), off the roster."""
        rest = iter(sockets)
        while batch := list(itertools.islice(rest, _BATCH)):
            async with async_redis().pipeline(transaction=False) as pipeline:
                for user_id, socket_id in batch:
                    leases, opened, about = _keys(user_id)
                    pipeline.zrem(leases, socket_id)
                    pipeline.zrem(opened, socket_id)
                    pipeline.hdel(about, socket_id)
                await pipeline.execute()

    async def entries(self, user_id: int) -> list[SocketEntry]:
        """The user's live sockets, the newest first."""
        leases, opened, about = _keys(user_id)
        async with async_redis().pipeline(transaction=False) as pipeline:
            pipeline.time()
            pipeline.zrange(leases, 0, -1, withscores=True)
            pipeline.zrevrange(opened, 0, -1)
            pipeline.hgetall(about)
            time, lease_ends, ids, texts = await pipeline.execute()
        now = time[0] + time[1] / 1_000_000
        live = {socket_id for socket_id, ends in lease_ends if ends > now}
        return [
            msgspec.json.decode(texts[one], type=SocketEntry) for one in ids if one in live and one in texts
        ]


def _texts(answer: Iterable[bytes]) -> list[str]:
    return [one.decode() for one in answer]
