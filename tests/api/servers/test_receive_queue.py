"""The queue of incoming messages between a server program and the application of one socket."""

import asyncio

import pytest

from api.servers.receive_queue import Message, ReceiveQueue


def message(number: int) -> Message:
    """A message with a number."""
    return {"type": "websocket.receive", "number": number}


@pytest.mark.parametrize("taken_between", [0, 1, 2, 7])
async def test_messages_are_taken_in_the_order_of_their_arrival(taken_between: int) -> None:
    queue = ReceiveQueue()
    taken: list[Message] = []
    for number in range(50):
        queue.put_nowait(message(number))
        if number % 5 == 4:
            taken += [await queue.get() for _ in range(min(taken_between, number + 1 - len(taken)))]
    while not queue.empty():
        taken.append(await queue.get())
    assert taken == [message(number) for number in range(50)]


async def test_a_taker_waits_for_a_message() -> None:
    queue = ReceiveQueue()
    taking = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    assert not taking.done()
    queue.put_nowait(message(1))
    queue.put_nowait(message(2))
    assert (await taking, await queue.get(), queue.empty()) == (message(1), message(2), True)


async def test_a_cancelled_taker_takes_no_message() -> None:
    queue = ReceiveQueue()
    taking = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    taking.cancel()
    queue.put_nowait(message(1))
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert await queue.get() == message(1)
