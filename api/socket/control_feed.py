"""Control messages: what concerns a person's sockets, wherever they are, over that person's control feed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from chats.feeds.hub import get_hub
from chats.feeds.publish import publish_control

ControlMessage = dict[str, Any]

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(ControlMessage)


def send_control(user_id: int, message: ControlMessage) -> None:
    """Send a message to every process that has a socket of this person. From any thread; it may be lost."""
    publish_control(user_id, _encoder.encode(message))


class ControlFeeds:
    """The control feeds that this process follows; each message is handed to `deliver`."""

    def __init__(self, deliver: Callable[[int, ControlMessage], None]) -> None:
        self._deliver = deliver
        self._listeners: dict[int, Callable[[bytes], None]] = {}

    async def follow(self, user_id: int) -> None:
        """From now on hand on this person's messages."""
        listener = partial(_hand_on, self._deliver, user_id)
        self._listeners[user_id] = listener
        await get_hub().listen_control(user_id, listener)

    async def unfollow(self, user_id: int) -> None:
        """The process has no socket of this person any more."""
        listener = self._listeners.pop(user_id, None)
        if listener is not None:
            get_hub().remove_user_listener(user_id, listener)

    async def publish(self, user_id: int, message: ControlMessage) -> None:
        """Send a message to all processes that follow this person, this one included."""
        send_control(user_id, message)


def _hand_on(deliver: Callable[[int, ControlMessage], None], user_id: int, body: bytes) -> None:
    deliver(user_id, _decoder.decode(body))
