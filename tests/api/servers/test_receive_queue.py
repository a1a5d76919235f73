"""The queue between a server program and the application of one socket."""

import asyncio

import pytest

from api.servers.receive_queue import Arrivals, Message


def message(number: int) -> Message:
    """One of many."""
    return {"type": "websocket.receive", "number": number}


@pytest.mark.parametrize("taken_between", [0, 1, 2, 7])
async def test_messages_are_taken_in_the_order_in_which_they_came(taken_between: int) -> None:
    arrivals = Arrivals()
    taken: list[Message] = []
    for number in range(50):
        arrivals.put_nowait(message(number))
        if number % 5 == 4:
            taken += [await arrivals.get() for _ in range(min(taken_between, number + 1 - len(taken)))]
    while not arrivals.empty():
        taken.append(await arrivals.get())
    assert taken == [message(number) for number in range(50)]


async def test_who_takes_waits_for_a_message() -> None:
    arrivals = Arrivals()
    taking = asyncio.ensure_future(arrivals.get())
    await asyncio.sleep(0)
    assert not taking.done()
    arrivals.put_nowait(message(1))
    arrivals.put_nowait(message(2))
    assert (await taking, await arrivals.get(), arrivals.empty()) == (message(1), message(2), True)


async def test_who_no_longer_waits_takes_nothing_along() -> None:
    arrivals = Arrivals()
    taking = asyncio.ensure_future(arrivals.get())
    await asyncio.sleep(0)
    taking.cancel()
    arrivals.put_nowait(message(1))
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert await arrivals.get() == message(1)
