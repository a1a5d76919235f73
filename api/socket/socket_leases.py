"""Leases in Redis: the live sockets of each user across all processes.

A socket holds a lease, which its process renews; the leases of a crashed process run out. All times are Redis's own, so
the clocks of processes need not agree. The three keys of a user share a hash tag, so one cluster node holds them all.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from foundation.batching import Batcher
from foundation.redis import async_redis

# KEYS: leases, opened, about. ARGV: socket id, opened (a Unix time, empty for now), about, lease seconds, limit.
# Removes the oldest sockets above the limit and returns their ids, the oldest first.
_ACQUIRE = """
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

# KEYS: as above. ARGV: lease seconds, then socket ids. Returns the ids that have no lease.
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

# Users or sockets in one pipeline: large enough to save round trips, small enough to let others use the loop in
# between.
_BATCH = 200


@dataclass(frozen=True, slots=True)
class SocketRecord:
    """A live socket of a user, on any process: its age, its token's end and its session. Times are UTC."""

    id: str
    opened_at: datetime
    expires_at: datetime
    device: str
    session_id: str


@dataclass(frozen=True, slots=True)
class _Acquisition:
    user_id: int
    record: SocketRecord
    limit: int
    opened_before: bool


def _keys(user_id: int) -> tuple[str, str, str]:
    root = f"parlor:sockets:{{{user_id}}}"
    return f"{root}:leases", f"{root}:opened", f"{root}:about"


class SocketLeases:
    """Reads and writes the leases, each of `lease_seconds`. Every method may raise RedisError."""

    def __init__(self, lease_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._acquisitions: Batcher[_Acquisition, list[str]] = Batcher(self._acquire, in_turn=True)

    async def acquire(
        self, user_id: int, record: SocketRecord, limit: int, *, opened_before: bool = False
    ) -> list[str]:
        """Give a socket a lease; returns the ids of the user's oldest sockets above `limit`, whose leases are removed.

        `opened_before` is for a socket that lost its lease: it keeps its age, so it may itself be among the oldest.
        Calls made at the same time share the round trip.
        """
        return await self._acquisitions.load(_Acquisition(user_id, record, limit, opened_before)) or []

    async def _acquire(self, acquisitions: list[_Acquisition]) -> dict[_Acquisition, list[str]]:
        async with async_redis().pipeline(transaction=False) as pipeline:
            script = pipeline.register_script(_ACQUIRE)
            for acquisition in acquisitions:
                record = acquisition.record
                arguments: list[str | bytes | float] = [
                    record.id,
                    f"{record.opened_at.timestamp():.6f}" if acquisition.opened_before else "",
                    msgspec.json.encode(record),
                    self._lease_seconds,
                    acquisition.limit,
                ]
                await script(keys=_keys(acquisition.user_id), args=arguments, client=pipeline)
            answers = await pipeline.execute()
        return {
            acquisition: _texts(answer) for acquisition, answer in zip(acquisitions, answers, strict=True)
        }

    async def renew(self, socket_ids: Mapping[int, Sequence[str]]) -> list[str]:
        """Renew the leases of these sockets, given by user; returns the ids of those that have none."""
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

    async def update(self, user_id: int, record: SocketRecord) -> None:
        """Replace the record of a socket."""
        await async_redis().hset(_keys(user_id)[2], record.id, msgspec.json.encode(record))

    async def release(self, sockets: Iterable[tuple[int, str]]) -> None:
        """Remove the leases of sockets, given as (user id, socket id)."""
        rest = iter(sockets)
        while batch := list(itertools.islice(rest, _BATCH)):
            async with async_redis().pipeline(transaction=False) as pipeline:
                for user_id, socket_id in batch:
                    leases, opened, about = _keys(user_id)
                    pipeline.zrem(leases, socket_id)
                    pipeline.zrem(opened, socket_id)
                    pipeline.hdel(about, socket_id)
                await pipeline.execute()

    async def read(self, user_id: int) -> list[SocketRecord]:
        """The user's live sockets, the newest first."""
        leases, opened, about = _keys(user_id)
        async with async_redis().pipeline(transaction=False) as pipeline:
            pipeline.time()
            pipeline.zrange(leases, 0, -1, withscores=True)
            pipeline.zrevrange(opened, 0, -1)
            pipeline.hgetall(about)
            time, lease_ends, ids, records = await pipeline.execute()
        now = time[0] + time[1] / 1_000_000
        live = {socket_id for socket_id, ends in lease_ends if ends > now}
        return [
            msgspec.json.decode(records[socket_id], type=SocketRecord)
            for socket_id in ids
            if socket_id in live and socket_id in records
        ]


def _texts(answer: Iterable[bytes]) -> list[str]:
    return [one.decode() for one in answer]
