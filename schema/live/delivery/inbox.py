"""inboxFeed: all chats of a viewer in one operation, with an attachment to each chat into the same outlet."""

import asyncio
import logging
from collections.abc import Hashable, Mapping
from typing import cast

from django.conf import settings
from django.db import Error as DatabaseError

from chats import models, reads
from chats.access import member_chat_ids
from chats.feeds.hub import get_hub
from foundation.database import in_thread
from schema.errors import FormattedError, errors_of
from schema.live.compiling.event_objects import FeedEvent, chat_cursor, chat_removed
from schema.live.compiling.plan import Plan
from schema.live.delivery.attachment import Attachment
from schema.live.delivery.live_chat import LiveChat
from schema.live.delivery.live_chats import live_chats
from schema.live.delivery.start import start_after
from schema.live.outlet import LiveOperation, Outlet
from schema.subscriptions.source import InboxSource
from schema.types.chats import Chat
from schema.types.inbox import ChatAdded, ChatRemoved, InboxReady

logger = logging.getLogger(__name__)


async def start_inbox_feed(
    source: InboxSource, plan: Plan, viewer_plan: Plan, outlet: Outlet
) -> LiveOperation:
    """Start inboxFeed: InboxReady first, then the events of each chat, and chats that are added and removed."""
    inbox = Inbox(source.viewer_id, plan, viewer_plan, outlet)
    await inbox.start(source.since)
    return inbox


class Inbox:
    """A LiveOperation. `plan` executes the events of chats, `viewer_plan` those that only this viewer gets."""

    def __init__(self, viewer_id: int, plan: Plan, viewer_plan: Plan, outlet: Outlet) -> None:
        self.outlet = outlet
        self._viewer_id = viewer_id
        self._plan = plan
        self._viewer_plan = viewer_plan
        self._attachments: dict[int, Attachment] = {}
        self._checking: asyncio.Task[None] | None = None
        self._needs_check = False
        self._is_ready = False
        self._stopped = False

    async def start(self, since: Mapping[int, int]) -> None:
        """Attach to every chat of the viewer."""
        try:
            # Listen for new memberships before the list is read, so that none is missed between the two.
            await get_hub().listen_memberships(self._viewer_id, self.check_memberships)
            chat_ids = await in_thread(member_chat_ids, self._viewer_id)
            unread = await in_thread(reads.unread_counts, self._viewer_id, chat_ids)
            chats = await self._open_chats(chat_ids, since)
            # No await from here on: each chat's membership, seq and attachment belong to one moment of its feed.
            self._attach_all(chats, since, unread)
        except BaseException:
            self.stop()
            raise

    def resume(self) -> None:
        """The outlet is open again."""
        for attachment in tuple(self._attachments.values()):
            attachment.resume()

    def stop(self) -> None:
        """The client has completed the operation or is gone."""
        if self._stopped:
            return
        self._stopped = True
        get_hub().remove_user_listener(self._viewer_id, self.check_memberships)
        if self._checking is not None:
            self._checking.cancel()
        self._stop_attachments()

    def check_memberships(self) -> None:
        """The viewer's memberships may have changed: read them, and attach to new chats."""
        self._needs_check = True
        if self._is_ready and not self._stopped and self._checking is None:
            self._checking = asyncio.get_running_loop().create_task(
                self._check_memberships(), name="check memberships"
            )

    def on_chat_complete(self, chat_id: int) -> None:
        """The viewer has left this chat or was removed."""
        self._attachments.pop(chat_id, None)
        self._send(chat_removed(chat_id))
        self.check_memberships()  # they may have been added again already

    def fail(self, errors: list[FormattedError]) -> None:
        """One chat has failed. End all, so that no chat is missing unnoticed: the client subscribes again."""
        self.stop()
        self.outlet.fail(errors)

    async def _open_chats(self, chat_ids: list[int], since: Mapping[int, int]) -> list[LiveChat]:
        """The chats that the viewer is a member of at this moment, each open and at its current seq."""
        while True:
            # All at once first, which costs as many queries as one chat; the checks below then find them open.
            await asyncio.gather(*(live_chats().open(chat_id) for chat_id in chat_ids))
            found = await asyncio.gather(
                *(
                    live_chats().open_for_member(chat_id, self._viewer_id, since.get(chat_id))
                    for chat_id in chat_ids
                )
            )
            chats = [chat for chat in found if chat is not None]
            # While the last one was checked, the first may have been closed again, or have lost this member.
            if all(live_chats().is_open(chat) for chat in chats):
                return [chat for chat in chats if chat.is_member(self._viewer_id)]

    def _attach_all(self, chats: list[LiveChat], since: Mapping[int, int], unread: Mapping[int, int]) -> None:
        starts = [(chat, start_after(chat, self._viewer_id, since.get(chat.chat_id))) for chat in chats]
        cursors = [
            chat_cursor(chat.chat_id, start.cursor, unread.get(chat.chat_id, 0)) for chat, start in starts
        ]
        self._send(InboxReady(chats=cursors))
        for chat, start in starts:
            self._attach(chat, start.cursor, [] if start.reset is None else [start.reset])
        self._is_ready = True
        if self._needs_check:
            self.check_memberships()

    def _attach(self, chat: LiveChat, cursor: int, prelude: list[FeedEvent]) -> None:
        if not self._stopped:  # the payload before this may have stopped the operation
            outlet = _ChatOutlet(self, chat.chat_id)
            attachment = chat.attach(self._plan, self._viewer_id, outlet, cursor, prelude)
            self._attachments[chat.chat_id] = attachment
        if self._stopped:  # and so may a payload of this chat
            self._stop_attachments()

    def _stop_attachments(self) -> None:
        for attachment in tuple(self._attachments.values()):
            attachment.stop()
        self._attachments.clear()

    def _send(self, event: InboxReady | ChatRemoved) -> None:
        payload = self._viewer_plan.execute_now(event)
        assert payload is not None, "these types have plain attributes only"
        self.outlet.next(payload)

    async def _check_memberships(self) -> None:
        try:
            while self._needs_check:
                self._needs_check = False
                await self._attach_new_chats()
        except Exception as error:
            self.fail(errors_of(error))
        finally:
            self._checking = None

    async def _attach_new_chats(self) -> None:
        try:
            chat_ids = await in_thread(member_chat_ids, self._viewer_id)
            added = sorted(set(chat_ids) - self._attachments.keys())
            rows = await in_thread(reads.chats_by_id, self._viewer_id, added) if added else {}
            for row in rows.values():
                await self._add(row)
        except (DatabaseError, OSError):
            logger.warning("The chats of user %d cannot be read now; trying again", self._viewer_id)
            await asyncio.sleep(settings.FEED_RETRY_SECONDS)
            self._needs_check = True

    async def _add(self, row: models.Chat) -> None:
        payload = await self._viewer_plan.execute(ChatAdded(chat=cast(Chat, row)))
        chat = await live_chats().open_for_member(row.pk, self._viewer_id)
        if chat is None or self._stopped or row.pk in self._attachments:
            return
        self.outlet.next(payload)
        # Start at the event of their joining, so that nothing between it and this moment is lost.
        start = start_after(chat, self._viewer_id, chat.feed.joined_seqs[self._viewer_id] - 1)
        self._attach(chat, start.cursor, [] if start.reset is None else [start.reset])


class _ChatOutlet:
    """The inbox's outlet for the attachment of one chat: its `complete` removes that chat and ends nothing else."""

    __slots__ = ("_chat_id", "_inbox")

    def __init__(self, inbox: Inbox, chat_id: int) -> None:
        self._inbox = inbox
        self._chat_id = chat_id

    @property
    def open(self) -> bool:
        return self._inbox.outlet.open

    def next(self, payload: bytes) -> None:
        self._inbox.outlet.next(payload)

    def replace(self, key: Hashable, payload: bytes) -> None:
        self._inbox.outlet.replace((self._chat_id, key), payload)

    def complete(self) -> None:
        self._inbox.on_chat_complete(self._chat_id)

    def fail(self, errors: list[FormattedError]) -> None:
        self._inbox.fail(errors)
