"""Control feeds over the process's hub: sends control messages to every process that has a socket of a user."""

from collections.abc import Callable
from functools import partial

from api.socket.control_messages import ControlMessage, decode_control_message, encode_control_message
from chats.feeds.hub import get_hub
from chats.feeds.publish import publish_control


def send_control(user_id: int, message: ControlMessage) -> None:
    """Send a message to every process that has a socket of this user. From any thread; it may be lost."""
    publish_control(user_id, encode_control_message(message))


class HubControlFeeds:
    """The control feeds that this process has joined; each message goes to `on_message(user_id, message)`."""

    def __init__(self, on_message: Callable[[int, ControlMessage], None]) -> None:
        self._on_message = on_message
        self._listeners: dict[int, Callable[[bytes], None]] = {}

    async def join(self, user_id: int) -> None:
        """Begin to receive this user's messages."""
        listener = partial(_deliver, self._on_message, user_id)
        self._listeners[user_id] = listener
        await get_hub().listen_control(user_id, listener)

    async def leave(self, user_id: int) -> None:
        """Stop receiving this user's messages."""
        listener = self._listeners.pop(user_id, None)
        if listener is not None:
            get_hub().remove_user_listener(user_id, listener)

    async def publish(self, user_id: int, message: ControlMessage) -> None:
        """Send a message to all processes that have joined the user's feed, this one included."""
        send_control(user_id, message)


def _deliver(on_message: Callable[[int, ControlMessage], None], user_id: int, body: bytes) -> None:
    message = decode_control_message(body)
    if message is not None:
        on_message(user_id, message)
