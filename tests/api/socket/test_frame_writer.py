"""Frames go out at once while the server takes them at once; else they queue in order."""

import asyncio
from typing import Any

from api.socket.close_codes import CloseCode
from api.socket.frame_writer import AsgiFrameWriter
from tests.api.socket.fakes import RETRY, turns

Message = dict[str, Any]


class Server:
    """An ASGI `send` that takes messages at once, or waits while `room` is not set, or raises."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.room = asyncio.Event()
        self.room.set()
        self.refuse_registered_codes = False
        self.gone = False

    async def send(self, message: Message) -> None:
        await self.room.wait()
        if self.gone:
            raise ConnectionError
        if self.refuse_registered_codes and 1000 < message.get("code", 0) < 3000:
            raise ValueError("invalid close code")
        self.taken.append(message)

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.taken if "text" in message]


def writer_to(server: Server) -> tuple[AsgiFrameWriter, list[str]]:
    events: list[str] = []
    writer = AsgiFrameWriter(server.send, lambda: events.append("closing"))
    writer.on_drained(lambda: events.append("drained"))
    return writer, events


async def test_a_frame_is_sent_at_once_and_without_a_task() -> None:
    server = Server()
    writer, _events = writer_to(server)
    tasks = asyncio.all_tasks()
    writer.send_text("a")
    writer.send_text("b")
    assert server.texts == ["a", "b"]
    assert asyncio.all_tasks() == tasks
    assert writer.backlog == 0


async def test_frames_queue_in_order_while_the_server_waits() -> None:
    server = Server()
    writer, events = writer_to(server)
    tasks = asyncio.all_tasks()
    server.room.clear()
    for number in range(100):
        writer.send_text(f"{number:02}")
    assert len(asyncio.all_tasks()) == len(tasks) + 1
    assert writer.backlog == 200
    await asyncio.sleep(0)
    server.room.set()
    await turns(lambda: events)
    writer.send_text("last")
    assert server.texts == [f"{number:02}" for number in range(100)] + ["last"]
    assert (writer.backlog, events) == (0, ["drained"])


async def test_a_server_may_wait_again_and_again() -> None:
    server = Server()
    writer, _events = writer_to(server)
    for round_ in range(3):
        server.room.clear()
        writer.send_text(f"{round_}a")
        writer.send_text(f"{round_}b")
        server.room.set()
        await turns(lambda: writer.backlog == 0)
    assert server.texts == ["0a", "0b", "1a", "1b", "2a", "2b"]


async def test_a_send_that_suspends_more_than_once_is_finished() -> None:
    taken: list[str] = []

    async def send(message: Message) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.sleep(0.001, "x"), 1)
        taken.append(message["text"])

    writer = AsgiFrameWriter(send, lambda: None)
    writer.send_text("a")
    writer.send_text("b")
    await turns(lambda: writer.backlog == 0, 100_000)
    assert taken == ["a", "b"]


async def test_a_close_has_its_code_and_reason() -> None:
    server = Server()
    writer, events = writer_to(server)
    writer.close(CloseCode.SUPERSEDED, "why")
    assert server.taken == [{"type": "websocket.close", "code": 1008, "reason": "why"}]
    assert type(server.taken[0]["code"]) is int
    assert events == ["closing"]


async def test_a_close_does_not_wait_behind_unread_frames() -> None:
    server = Server()
    writer, _events = writer_to(server)
    server.room.clear()
    writer.send_text("a")
    writer.send_text("b")
    await asyncio.sleep(0)
    writer.close(CloseCode.SLOW_CONSUMER, "slow")
    server.room.set()
    await turns(lambda: server.taken)
    await asyncio.sleep(0.01)
    assert server.taken == [{"type": "websocket.close", "code": 4450, "reason": "slow"}]


async def test_a_server_that_cannot_send_a_registered_code_sends_its_fallback() -> None:
    for code in CloseCode:
        if code is CloseCode.NORMAL:
            continue
        server = Server()
        server.refuse_registered_codes = True
        writer, _events = writer_to(server)
        writer.close(code, "why")
        (closed,) = server.taken
        assert closed["reason"] == "why"
        assert RETRY[closed["code"]] is code.retry
        assert closed["code"] == code or code < 3000


async def test_a_lost_client_raises_nothing() -> None:
    server = Server()
    writer, _events = writer_to(server)
    server.gone = True
    writer.send_text("a")
    writer.send_text("b")
    writer.close(CloseCode.RESTARTING, "")
    assert server.taken == []


async def test_a_client_lost_while_frames_queue_raises_nothing() -> None:
    server = Server()
    writer, events = writer_to(server)
    server.room.clear()
    writer.send_text("a")
    writer.send_text("b")
    await asyncio.sleep(0)
    server.gone = True
    server.room.set()
    await turns(lambda: events)
    writer.send_text("c")
    assert (server.taken, writer.backlog) == ([], 0)
