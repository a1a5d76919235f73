"""Sockets per user, on real Redis: two registries stand for two processes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
import redis.exceptions

from api.socket.local_sockets import LocalSockets
from api.socket.socket_leases import SocketEntry
from foundation.redis import async_redis
from tests.api.socket.fakes import identity, turns
from tests.api.socket.world import LEASE_SECONDS, FakeSocket, World


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    for registry in made.registries:
        for socket in list(registry._by_id.values()):
            registry.release(socket)
        await registry.stop()
    await async_redis().aclose()


async def names(registry: LocalSockets, user_id: int = 1) -> list[str]:
    return [entry.id for entry in await registry.list_sockets(user_id)]


async def test_sockets_are_listed_newest_first_whatever_their_process(world: World) -> None:
    one, two = world.process(), world.process()
    first = await world.socket(one, "first")
    await world.socket(two, "second")
    await world.socket(one, "elses", identity(user_id=2))
    entries = await two.list_sockets(1)
    assert [entry.id for entry in entries] == ["second", "first"]
    assert entries[1] == SocketEntry(
        "first", first.opened_at, first.identity.expires_at, "phone", first.identity.session_id
    )


async def test_the_newest_supersedes_the_oldest_on_another_process(world: World) -> None:
    one, two = world.process(bound=2), world.process(bound=2)
    oldest = await world.socket(one, "a")
    middle = await world.socket(two, "b")
    newest = await world.socket(two, "c")
    assert oldest.ended == ["superseded"]
    assert middle.ended == newest.ended == []
    assert await names(one) == ["c", "b"]


async def test_one_socket_per_user(world: World) -> None:
    one = world.process(bound=1)
    sockets = [await world.socket(one, str(number)) for number in range(5)]
    assert [socket.ended for socket in sockets] == [["superseded"]] * 4 + [[]]
    await world.settle()
    assert await names(one) == ["4"]
    assert len(one) == 1
    assert world.feeds.published == []


async def test_a_race_leaves_exactly_the_bound(world: World) -> None:
    processes = [world.process(bound=3), world.process(bound=3)]
    sockets = await asyncio.gather(
        *(world.socket(processes[number % 2], str(number)) for number in range(40))
    )
    await world.settle()
    assert sum(not socket.ended for socket in sockets) == 3
    assert len(await names(processes[0])) == 3
    assert len(processes[0]) + len(processes[1]) == 3


async def test_a_supersession_that_got_lost_is_made_good_with_the_leases(world: World) -> None:
    one, two = world.process(bound=1), world.process(bound=1)
    world.feeds.lossy = True
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


async def test_sockets_of_a_crashed_process_run_out(world: World) -> None:
    crashed, other = world.process(bound=2), world.process(bound=2)
    await world.socket(crashed, "a")
    await world.socket(crashed, "b")
    assert crashed._renewal is not None
    crashed._renewal.cancel()
    await asyncio.sleep(LEASE_SECONDS * 1.2)
    assert await names(other) == []
    await world.socket(other, "c")
    await world.socket(other, "d")
    assert await names(other) == ["d", "c"]
    assert world.feeds.published == []


async def test_a_redis_that_lost_all_learns_it_again(world: World) -> None:
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
    await world.settle()
    await turns(lambda: not one._tasks)
    assert await async_redis().keys("*") == []
    assert (len(one), one._by_user, one._followed) == (0, {}, set())


async def test_a_socket_released_while_it_enters_leaves_nothing(world: World) -> None:
    one = world.process()
    socket = FakeSocket(one, "a")
    entering = asyncio.create_task(one.admit(socket))
    await turns(lambda: len(one) == 1)
    one.release(socket)
    await entering
    await world.settle()
    assert await async_redis().keys("*") == []


async def test_closing_a_socket_elsewhere(world: World) -> None:
    one, two = world.process(), world.process()
    here, there = await world.socket(one, "here"), await world.socket(two, "there")
    assert await one.close_socket(1, "there")
    assert there.ended == ["closed"]
    assert await one.close_socket(1, "here")
    assert here.ended == ["closed"]
    assert not await one.close_socket(1, "here")


async def test_nobody_closes_anothers_socket(world: World) -> None:
    one = world.process()
    mine = await world.socket(one, "mine")
    assert not await one.close_socket(2, "mine")
    assert mine.ended == []


async def test_a_revocation_reaches_the_sockets_of_its_sessions(world: World) -> None:
    one, two = world.process(), world.process()
    a = await world.socket(one, "a", identity(session_id="s1"))
    b = await world.socket(two, "b", identity(session_id="s1"))
    c = await world.socket(two, "c", identity(session_id="s2"))
    elses = await world.socket(two, "d", identity(user_id=2, session_id="s1"))
    await one._control.publish(1, {"type": "revoke", "sessionIds": ["s1"], "epoch": None})
    assert (a.ended, b.ended, c.ended, elses.ended) == (["revoked"], ["revoked"], [], [])
    await one._control.publish(1, {"type": "revoke", "sessionIds": None, "epoch": None})
    assert (c.ended, elses.ended) == (["revoked"], [])


async def test_a_revocation_of_all_spares_what_was_opened_with_a_newer_token(world: World) -> None:
    one = world.process()
    old = await world.socket(one, "old", replace(identity(), epoch=1))
    new = await world.socket(one, "new", replace(identity(), epoch=2))
    one.on_control(1, {"type": "revoke", "sessionIds": None, "epoch": 2})
    assert (old.ended, new.ended) == (["revoked"], [])


async def test_control_messages_of_others_are_ignored(world: World) -> None:
    one = world.process()
    socket = await world.socket(one, "a")
    messages: list[dict[str, Any]] = [
        {},
        {"type": "new"},
        {"type": "supersede"},
        {"type": "close", "socketId": "b"},
    ]
    for message in messages:
        one.on_control(1, message)
        one.on_control(2, {"type": "revoke", "sessionIds": None})
    assert socket.ended == []


async def test_the_control_feed_is_followed_while_there_is_a_socket(world: World) -> None:
    one = world.process()
    first = await world.socket(one, "a")
    second = await world.socket(one, "b")
    one.release(first)
    one.release(second)
    third = await world.socket(one, "c")
    await turns(lambda: not one._tasks)
    assert world.feeds.followers[1] == [one._control]
    one.release(third)
    await turns(lambda: not one._tasks)
    assert world.feeds.followers[1] == []


async def test_the_expiry_of_a_renewed_socket_is_written(world: World) -> None:
    one = world.process()
    socket = await world.socket(one, "a")
    socket.identity = identity(seconds=9999)
    await one.refresh(socket)
    assert (await one.list_sockets(1))[0].expires_at == socket.identity.expires_at


async def test_without_redis_sockets_come_and_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one = world.process()

    def away(*_arguments: object, **_options: object) -> None:
        raise redis.exceptions.ConnectionError("away")

    with monkeypatch.context() as patch:
        patch.setattr("api.socket.socket_leases.async_redis", away)
        socket = await world.socket(one, "a")
        gone = await world.socket(one, "b")
        one.release(gone)
        await world.settle()
        await one.refresh(socket)
        assert len(one) == 1

    async def back() -> bool:
        return await names(one) == ["a"]

    await _eventually(back)


async def test_a_revocation_that_got_lost_is_made_good_with_the_leases(world: World) -> None:
    one = world.process()
    ended = identity(session_id="s1")
    sockets = [await world.socket(one, name, ended) for name in ("a", "b")]
    other = await world.socket(one, "c", identity(user_id=2, session_id="s2"))
    world.revoked.add(ended)
    await _eventually(lambda: all(socket.ended for socket in sockets))
    assert [socket.ended for socket in sockets] == [["revoked"], ["revoked"]]
    assert other.ended == []
    assert world.questions[0] == 3  # one for all


async def test_while_nobody_can_say_what_is_revoked_sockets_stay_and_leases_are_kept(world: World) -> None:
    one = world.process()
    world.nobody_knows = True
    socket = await world.socket(one, "a")
    await _eventually(lambda: len(world.questions) > 2)
    assert socket.ended == []
    assert await names(one) == ["a"]
    world.nobody_knows = False
    world.revoked.add(socket.identity)
    await _eventually(lambda: socket.ended)


async def test_a_socket_that_comes_while_the_process_ends_is_sent_away(world: World) -> None:
    one = world.process()
    await world.socket(one, "a")
    await one.drain(0)
    late = await world.socket(one, "b")
    assert late.ended == ["restarted"]
    assert len(one) == 0


async def test_a_registry_that_was_stopped_has_ended(world: World) -> None:
    one = world.process()
    await world.socket(one, "a")
    await asyncio.sleep(0)
    await one.stop()
    assert one._renewal is not None
    assert one._renewal.done()


async def test_a_drain_without_sockets_ends_at_once(world: World) -> None:
    one = world.process()
    async with asyncio.timeout(30):
        await one.drain(1000)


async def test_a_drain_closes_all(world: World) -> None:
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
