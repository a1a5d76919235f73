"""Batches the lookups of one operation: each kind of lookup is one query, however many rows a page has.

Loaders are made anew for every operation and every event, because a DataLoader caches: on a long-lived socket it would
return outdated rows.
"""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from functools import cached_property, partial
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from auth.models import User
from chats import reads
from chats.keyset_pagination import Page, PageKey, read_member_pages, read_message_pages
from chats.models import Chat, Membership, Message
from chats.profiles import PUBLIC_FIELDS
from foundation.database import in_thread

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loaders:
    """The loaders of one operation, each made on first use."""

    def __init__(self, viewer_id: int | None) -> None:
        self._viewer_id = viewer_id

    @cached_property
    def users(self) -> DataLoader[int, User | None]:
        """People by id."""
        # No password hash and no token epoch: what GraphQL shows, and the address for `viewer`.
        return _by_key(User.objects.only(*PUBLIC_FIELDS, "email").in_bulk)

    @cached_property
    def chats(self) -> DataLoader[int, Chat | None]:
        """Chats by id, only those that the viewer is a member of."""
        return _by_key(partial(reads.chats_by_id, self._viewer_id or 0))

    @cached_property
    def messages(self) -> DataLoader[int, Message | None]:
        """Messages by id, only those that the viewer may read."""
        return _by_key(partial(reads.visible_messages, self._viewer_id or 0))

    @cached_property
    def last_messages(self) -> DataLoader[int, Message | None]:
        """The newest message in each chat that the viewer may read."""
        return _by_key(partial(reads.last_messages, viewer_id=self._viewer_id or 0))

    @cached_property
    def member_counts(self) -> DataLoader[int, int | None]:
        """How many members each chat has."""
        return _by_key(reads.member_counts)

    @cached_property
    def viewer_memberships(self) -> DataLoader[int, Membership | None]:
        """The viewer's own membership in each chat."""
        return _by_key(partial(reads.viewer_memberships, self._viewer_id or 0))

    @cached_property
    def unread_counts(self) -> DataLoader[int, int | None]:
        """How many messages of others the viewer has not read in each chat."""
        return _by_key(partial(reads.unread_counts, self._viewer_id or 0))

    @cached_property
    def message_pages(self) -> DataLoader[PageKey, Page[Message] | None]:
        """Pages of messages of many chats."""
        return _by_key(partial(read_message_pages, self._viewer_id or 0))

    @cached_property
    def member_pages(self) -> DataLoader[PageKey, Page[Membership] | None]:
        """Pages of members of many chats."""
        return _by_key(read_member_pages)


def _by_key(read: Callable[[list[K]], Mapping[K, V]]) -> DataLoader[K, V | None]:
    async def load(keys: list[K]) -> list[V | None]:
        found = await in_thread(read, keys)
        return [found.get(key) for key in keys]

    load_function: Callable[[list[K]], Awaitable[Any]] = load
    return DataLoader(load_fn=load_function)
