"""Passes messages for single people on to their listeners: control messages, and notices of changed memberships."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chats.feeds.feed_state import MembershipVersion
from chats.feeds.group_names import user_group
from chats.feeds.layer_channel import LayerChannel
from chats.feeds.publish import CONTROL, MEMBERSHIP

ControlListener = Callable[[bytes], None]
MembershipListener = Callable[[], None]


class UserFeeds:
    """The listeners of each person. The group with a person's messages is joined while the person has a listener."""

    def __init__(self, channel: LayerChannel) -> None:
        self._channel = channel
        self._control: dict[int, set[ControlListener]] = {}
        self._memberships: dict[int, set[MembershipListener]] = {}
        self._versions: dict[int, MembershipVersion] = {}
        self._users_of_group: dict[str, set[int]] = {}

    async def listen_control(self, user_id: int, listener: ControlListener) -> None:
        """Pass this person's control messages to `listener` from now on; while Redis is away, from its return on."""
        self._control.setdefault(user_id, set()).add(listener)
        await self._join_group(user_id)

    async def listen_memberships(self, user_id: int, listener: MembershipListener) -> None:
        """Call `listener` when this person may have joined a chat."""
        self._memberships.setdefault(user_id, set()).add(listener)
        await self._join_group(user_id)

    def remove_listener(self, user_id: int, listener: ControlListener | MembershipListener) -> bool:
        """Stop listening. True if the channel has a group to leave."""
        for listeners in (self._control, self._memberships):
            of_user: set[Any] = listeners.get(user_id, set())
            of_user.discard(listener)
            if not of_user:
                listeners.pop(user_id, None)
        if user_id not in self._memberships:
            self._versions.pop(user_id, None)
        if user_id in self._control or user_id in self._memberships:
            return False
        group = user_group(user_id)
        users = self._users_of_group.get(group, set())
        users.discard(user_id)
        if users:
            return False
        self._users_of_group.pop(group, None)
        return self._channel.leave(group)

    async def _join_group(self, user_id: int) -> None:
        group = user_group(user_id)
        self._users_of_group.setdefault(group, set()).add(user_id)
        await self._channel.join(group)

    def on_layer_message(self, message: Mapping[str, Any]) -> None:
        """Pass a message of the layer for a person on to that person's listeners."""
        user_id = message["user"]
        if message["type"] == CONTROL:
            for listener in tuple(self._control.get(user_id, ())):
                listener(message["body"])
        elif message["type"] == MEMBERSHIP:
            self.notify_membership_listeners(user_id)

    def users_with_membership_listeners(self) -> list[int]:
        """The people whose memberships have a listener."""
        return list(self._memberships)

    def on_membership_versions(self, versions: Iterable[tuple[int, MembershipVersion]]) -> None:
        """Compare with what the database says, and notify the listeners of people whose version changed."""
        for user_id, version in versions:
            if user_id in self._memberships and self._versions.get(user_id) != version:
                self._versions[user_id] = version
                self.notify_membership_listeners(user_id)

    def notify_membership_listeners(self, user_id: int) -> None:
        """This person may have joined a chat."""
        for listener in tuple(self._memberships.get(user_id, ())):
            listener()
