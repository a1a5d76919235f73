"""The Redis message of one event in each program's own format: channel and payload, with equal content."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from bench.message_timestamps import text
from bench.population import Chat
from bench.programs import Kind

PayloadMaker = Callable[[Chat, int], tuple[str, bytes]]

_AT = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
_AT_TEXT = "2030-01-02T03:04:05.678901+00:00"
# Every seeded chat has one event; published events continue after its seq.
_SEEDED_SEQ = 1


def payload_maker(kind: Kind) -> PayloadMaker:
    """Return a function that makes event `index` (0, 1, ...) of a chat for programs of this kind.

    It returns the channel and the payload. The stock peer uses `stock_message` instead.
    """
    if kind == "parlor":
        return _parlor_maker()
    return {"node": _node, "socketio": _socketio, "raw": _raw}[kind]


def _parlor_maker() -> PayloadMaker:
    from channels.layers import get_channel_layer

    from chats.events import MessagePosted, MessageSnapshot, Profile, encode
    from chats.feeds.group_names import chat_group
    from chats.feeds.publish import EVENTS
    from chats.models import MessageKind

    serialize = get_channel_layer().serialize
    sender = Profile(user_id=1, username="person0", display_name="Person 0", avatar_url=None, is_bot=False)

    def make(chat: Chat, index: int) -> tuple[str, bytes]:
        seq = _SEEDED_SEQ + 1 + index
        message = MessageSnapshot(
            id=index + 1,
            chat_id=chat.chat_id,
            seq=seq,
            kind=MessageKind.TEXT,
            client_id=None,
            sender=sender,
            text=text(index),
            reply_to_id=None,
            created_at=_AT,
            edited_at=None,
            deleted_at=None,
        )
        event = encode(MessagePosted(chat_id=chat.chat_id, seq=seq, at=_AT, actor=sender, message=message))
        payload = serialize({"type": EVENTS, "chat": chat.chat_id, "events": [event]})
        return f"asgi__group__{chat_group(chat.chat_id)}", payload

    return make


def _event(index: int) -> dict[str, object]:
    user = {"id": "VXNlcjox", "displayName": "Person 0"}
    message = {
        "id": "TWVzc2FnZTox",
        "text": text(index),
        "createdAt": _AT_TEXT,
        "sender": {**user, "avatarUrl": None},
    }
    return {
        "__typename": "MessagePosted",
        "seq": _SEEDED_SEQ + 1 + index,
        "at": _AT_TEXT,
        "actor": user,
        "message": message,
    }


def _node(chat: Chat, index: int) -> tuple[str, bytes]:
    return f"chat.{chat.global_id}", json.dumps({"chatFeed": _event(index)}).encode()


def _socketio(chat: Chat, index: int) -> tuple[str, bytes]:
    # The format of @socket.io/redis-emitter: emitter id, packet, options.
    packet = {"type": 2, "data": ["chatFeed", _event(index)], "nsp": "/"}
    to = {"rooms": [chat.global_id], "except": [], "flags": {}}
    return f"socket.io#/#{chat.global_id}#", msgspec.msgpack.encode(["emitter", packet, to])


def _raw(chat: Chat, index: int) -> tuple[str, bytes]:
    frame = {"id": "1", "type": "next", "payload": {"data": {"chatFeed": _event(index)}}}
    return f"raw.{chat.global_id}", json.dumps(frame, separators=(",", ":")).encode()


def stock_message(chat: Chat, index: int) -> dict[str, object]:
    """The message that the stock peer's application passes to `group_send`."""
    user = {"id": "VXNlcjox", "username": "person0", "display_name": "Person 0", "avatar_url": None}
    return {
        "type": "chat.event",
        "chat_id": chat.global_id,
        "seq": _SEEDED_SEQ + 1 + index,
        "at": _AT_TEXT,
        "message_id": "TWVzc2FnZTox",
        "text": text(index),
        "user": user,
    }
