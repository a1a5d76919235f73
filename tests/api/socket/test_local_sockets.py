"""The registry of sockets, on real Redis; each registry stands for a process."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
import redis.exceptions

from api.socket.control_messages import CloseSocket, Revoke, Supersede
from api.socket.local_sockets import LocalSockets
from api.socket.socket_leases import SocketRecord
from foundation.redis import async_redis
from tests.api.socket.fakes import identity, turns
from tests.api.socket.world import LEASE_SECONDS, FakeSocket, World, count, crash, is_empty


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.stop()
    await async_redis().aclose()


async def names(registry: LocalSockets, user_id: int = 1) -> list[str]:
    """The ids of the user's sockets in all processes, the newest first."""
    return [record.id for record in await registry.list_sockets(user_id)]


async def test_sockets_of_all_processes_are_listed_newest_first(world: World) -> None:
    one, two = world.process(), world.process()
    first = await world.socket(one, "first")
    await world.socket(two, "second")
    await world.socket(one, "of another user", identity(user_id=2))
    records = await two.list_sockets(1)
    assert [record.id for record in records] == ["second", "first"]
    assert records[1] == SocketRecord(
        "first", first.opened_at, first.identity.expires_at, "phone", first.identity.session_id
    )


async def test_the_newest_supersedes_the_oldest_on_another_process(world: World) -> None:
    one, two = world.process(sockets_per_user=2), world.process(sockets_per_user=2)
    oldest = await world.socket(one, "a")
    middle = await world.socket(two, "b")
    newest = await world.socket(two, "c")
    assert oldest.ended == ["superseded"]
    assert middle.ended == newest.ended == []
    assert await names(one) == ["c", "b"]


async def test_one_socket_per_user(world: World) -> None:
    one = world.process(sockets_per_user=1)
    sockets = [await world.socket(one, str(number)) for number in range(5)]
    assert [socket.ended for socket in sockets] == [["superseded"]] * 4 + [[]]
    await world.leases_removed()
    assert await names(one) == ["4"]
    assert count(one) == 1
    assert world.layer.published == []


async def test_a_race_leaves_exactly_the_allowed_number(world: World) -> None:
    processes = [world.process(sockets_per_user=3), world.process(sockets_per_user=3)]
    sockets = await asyncio.gather(
        *(world.socket(processes[number % 2], str(number)) for number in range(40))
    )
    await world.leases_removed()
    assert sum(not socket.ended for socket in sockets) == 3
    assert len(await names(processes[0])) == 3
    assert count(processes[0]) + count(processes[1]) == 3


async def test_a_lost_supersession_is_repeated_when_leases_are_renewed(world: World) -> None:
    one, two = world.process(sockets_per_user=1), world.process(sockets_per_user=1)
    world.layer.lossy = True
    old = await world.socket(one, "old")
    new = await world.socket(two, "new")
    assert old.ended == []
    await _eventually(lambda: old.ended)
    assert old.ended == ["superseded"]
    assert new.ended == []
    assert await names(one) == ["new"]


async def test_leases_are_renewed(world: World) -> None:
    one = world.process()
    await world.socket(one, "a")
    await asyncio.sleep(LEASE_SECONDS * 2.5)
    assert await names(one) == ["a"]


async def test_the_leases_of_a_crashed_process_expire(world: World) -> None:
    crashed, other = world.process(sockets_per_user=2), world.process(sockets_per_user=2)
    await world.socket(crashed, "a")
    await world.socket(crashed, "b")
    crash(crashed)
    await asyncio.sleep(LEASE_SECONDS * 1.2)
    assert await names(other) == []
    await world.socket(other, "c")
    await world.socket(other, "d")
    assert await names(other) == ["d", "c"]
    assert world.layer.published == []


async def test_leases_that_redis_lost_are_acquired_again(world: World) -> None:
    one = world.process()
    for name in "abc":
        await world.socket(one, name)
    await async_redis().flushdb()
    assert await names(one) == []

    async def back() -> bool:
        return await names(one) == ["c", "b", "a"]

    await _eventually(back)


async def test_nothing_is_left_of_released_sockets(world: World) -> None:
    one = world.process()
    sockets = [await world.socket(one, str(number), identity(user_id=number % 7)) for number in range(50)]
    for socket in sockets:
        one.release(socket)
        one.release(socket)
    await world.leases_removed()
    await turns(lambda: is_empty(one))
    assert await async_redis().keys("*") == []
    assert not any(world.layer.joined.values())


async def test_a_socket_released_while_it_is_admitted_leaves_nothing(world: World) -> None:
    one = world.process()
    socket = FakeSocket(one, "a")
    admission = asyncio.create_task(one.admit(socket))
    await turns(lambda: count(one) == 1)
    one.release(socket)
    await admission
    await world.leases_removed()
    assert await async_redis().keys("*") == []


async def test_a_socket_is_closed_from_any_process(world: World) -> None:
    one, two = world.process(), world.process()
    here, there = await world.socket(one, "here"), await world.socket(two, "there")
    assert await one.close_socket(1, "there")
    assert there.ended == ["closed"]
    assert await one.close_socket(1, "here")
    assert here.ended == ["closed"]
    assert not await one.close_socket(1, "here")


async def test_a_user_cannot_close_the_socket_of_another(world: World) -> None:
    one = world.process()
    mine = await world.socket(one, "mine")
    assert not await one.close_socket(2, "mine")
    assert mine.ended == []


async def test_a_revocation_reaches_the_sockets_of_its_sessions(world: World) -> None:
    one, two = world.process(), world.process()
    a = await world.socket(one, "a", identity(session_id="s1"))
    b = await world.socket(two, "b", identity(session_id="s1"))
    c = await world.socket(two, "c", identity(session_id="s2"))
    other = await world.socket(two, "d", identity(user_id=2, session_id="s1"))
    await world.feeds[0].publish(1, Revoke(("s1",)))
    assert (a.ended, b.ended, c.ended, other.ended) == (["revoked"], ["revoked"], [], [])
    await world.feeds[0].publish(1, Revoke())
    assert (c.ended, other.ended) == (["revoked"], [])


async def test_a_revocation_of_all_sessions_spares_sockets_with_a_newer_token(world: World) -> None:
    one = world.process()
    old = await world.socket(one, "old", replace(identity(), epoch=1))
    new = await world.socket(one, "new", replace(identity(), epoch=2))
    one.on_control_message(1, Revoke(epoch=2))
    assert (old.ended, new.ended) == (["revoked"], [])


async def test_control_messages_about_other_sockets_are_ignored(world: World) -> None:
    one = world.process()
    socket = await world.socket(one, "a")
    one.on_control_message(1, Supersede("b"))
    one.on_control_message(1, CloseSocket("b"))
    for message in (Supersede("a"), CloseSocket("a"), Revoke()):
        one.on_control_message(2, message)
    assert socket.ended == []


async def test_a_process_joins_a_users_control_feed_while_it_has_a_socket_of_the_user(world: World) -> None:
    one = world.process()
    first = await world.socket(one, "a")
    second = await world.socket(one, "b")
    one.release(first)
    one.release(second)
    third = await world.socket(one, "c")
    assert world.layer.joined[1] == world.feeds
    one.release(third)
    await turns(lambda: world.layer.joined[1] == [])


async def test_the_expiry_of_a_renewed_socket_is_recorded(world: World) -> None:
    one = world.process()
    socket = await world.socket(one, "a")
    socket.identity = identity(seconds=9999)
    await one.refresh(socket)
    assert (await one.list_sockets(1))[0].expires_at == socket.identity.expires_at


async def test_without_redis_sockets_open_and_close(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = world.process()

    def away(*_arguments: object, **_options: object) -> None:
        raise redis.exceptions.ConnectionError("away")

    with monkeypatch.context() as patch:
        patch.setattr("api.socket.socket_leases.async_redis", away)
        socket = await world.socket(one, "a")
        gone = await world.socket(one, "b")
        one.release(gone)
        await world.leases_removed()
        await one.refresh(socket)
        assert count(one) == 1

    async def back() -> bool:
        return await names(one) == ["a"]

    await _eventually(back)


async def test_a_lost_revocation_is_found_when_leases_are_renewed(world: World) -> None:
    one = world.process()
    ended = identity(session_id="s1")
    sockets = [await world.socket(one, name, ended) for name in ("a", "b")]
    other = await world.socket(one, "c", identity(user_id=2, session_id="s2"))
    world.revoked.add(ended)
    await _eventually(lambda: all(socket.ended for socket in sockets))
    assert [socket.ended for socket in sockets] == [["revoked"], ["revoked"]]
    assert other.ended == []
    assert world.checked[0] == 3  # all identities in one check


async def test_while_revocations_cannot_be_checked_sockets_and_leases_stay(world: World) -> None:
    one = world.process()
    world.cannot_check = True
    socket = await world.socket(one, "a")
    await _eventually(lambda: len(world.checked) > 2)
    assert socket.ended == []
    assert await names(one) == ["a"]
    world.cannot_check = False
    world.revoked.add(socket.identity)
    await _eventually(lambda: socket.ended)


async def test_a_socket_that_is_admitted_during_the_drain_is_closed(world: World) -> None:
    one = world.process()
    await world.socket(one, "a")
    await one.drain(0)
    late = await world.socket(one, "b")
    assert late.ended == ["restarted"]
    assert count(one) == 0


async def test_a_stopped_registry_has_no_task(world: World) -> None:
    one = world.process()
    await world.socket(one, "a")
    await asyncio.sleep(0)
    await one.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_drain_without_sockets_ends_at_once(world: World) -> None:
    one = world.process()
    async with asyncio.timeout(30):
        await one.drain(1000)


async def test_a_drain_closes_all_sockets(world: World) -> None:
    one = world.process()
    sockets = [await world.socket(one, str(number)) for number in range(5)]
    await one.drain(0.05)
    assert [socket.ended for socket in sockets] == [["announced", "restarted"]] * 5
    assert await async_redis().keys("*") == []


async def _eventually(check: Any) -> None:
    async with asyncio.timeout(30):
        while True:
            result = check()
            if await result if asyncio.iscoroutine(result) else result:
                return
            await asyncio.sleep(0.02)
