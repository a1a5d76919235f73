"""All chats of a viewer in one operation: an attachment to each, into the same outlet."""

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
from schema.live.compiling.event_objects import FeedEvent, present_chat_cursor, present_chat_removed
from schema.live.compiling.plan import Plan
from schema.live.delivery.attachment import Attachment
from schema.live.delivery.live_chat import LiveChat
from schema.live.delivery.live_chats import live_chats
from schema.live.delivery.start import is_member, open_chat, start_after
from schema.live.outlet import LiveOperation, Outlet
from schema.subscriptions.source import InboxSource
from schema.types.chats import Chat
from schema.types.inbox import ChatAdded, ChatRemoved, InboxReady

logger = logging.getLogger(__name__)


async def follow_inbox(source: InboxSource, plan: Plan, personal: Plan, outlet: Outlet) -> LiveOperation:
    """Start inboxFeed: InboxReady first, then what each chat has to say, and chats that come and go."""
    inbox = Inbox(source.viewer_id, plan, personal, outlet)
    await inbox.start(source.since)
    return inbox


class Inbox:
    """A LiveOperation. `plan` executes the events of chats, `personal` what is for this viewer alone."""

    def __init__(self, viewer_id: int, plan: Plan, personal: Plan, outlet: Outlet) -> None:
        self.outlet = outlet
        self._viewer_id = viewer_id
        self._plan = plan
        self._personal = personal
        self._attachments: dict[int, Attachment] = {}
        self._comparing: asyncio.Task[None] | None = None
        self._is_stale = False
        self._is_ready = False
        self._stopped = False

    async def start(self, since: Mapping[int, int]) -> None:
        """Attach to every chat of the viewer."""
        try:
            # Listen for new chats before the list is read, so that none falls between the two.
            await get_hub().listen_memberships(self._viewer_id, self.compare)
            chat_ids = await in_thread(member_chat_ids, self._viewer_id)
            unread = await in_thread(reads.unread_counts, self._viewer_id, chat_ids)
            chats = await self._open(chat_ids, since)
            # No await from here on: each chat's membership, seq and attachment belong to one moment of its feed.
            self._begin(chats, since, unread)
        except BaseException:
            self.stop()
            raise

    def _begin(self, chats: list[LiveChat], since: Mapping[int, int], unread: Mapping[int, int]) -> None:
        starts = [(chat, start_after(chat, self._viewer_id, since.get(chat.chat_id))) for chat in chats]
        cursors = [
            present_chat_cursor(chat.chat_id, start.cursor, unread.get(chat.chat_id, 0))
            for chat, start in starts
        ]
        self._say(InboxReady(chats=cursors))
        for chat, start in starts:
            self._attach(chat, start.cursor, [] if start.reset is None else [start.reset])
        self._is_ready = True
        if self._is_stale:
            self.compare()

    def resume(self) -> None:
        """The outlet is open again."""
        for attachment in tuple(self._attachments.values()):
            attachment.resume()

    def stop(self) -> None:
        """The client has completed the operation or is gone."""
        if self._stopped:
            return
        self._stopped = True
        get_hub().forget_person(self._viewer_id, self.compare)
        if self._comparing is not None:
            self._comparing.cancel()
        self._stop_attachments()

    def compare(self) -> None:
        """The viewer's memberships may have changed: look, and attach to chats that are new."""
        self._is_stale = True
        if self._is_ready and not self._stopped and self._comparing is None:
            self._comparing = asyncio.get_running_loop().create_task(
                self._compare(), name="compare memberships"
            )

    def removed(self, chat_id: int) -> None:
        """The viewer has left this chat or was taken out."""
        self._attachments.pop(chat_id, None)
        self._say(present_chat_removed(chat_id))
        self.compare()  # they may be back already

    def fail(self, errors: list[FormattedError]) -> None:
        """One chat has failed, so that the whole would have a hole: end it, the client comes back."""
        self.stop()
        self.outlet.fail(errors)

    def _say(self, event: InboxReady | ChatRemoved) -> None:
        payload = self._personal.execute_now(event)
        assert payload is not None, "these types have plain attributes only"
        self.outlet.next(payload)

    async def _compare(self) -> None:
        try:
            while self._is_stale:
                self._is_stale = False
                await self._look_for_chats()
        except Exception as error:
            self.fail(errors_of(error))
        finally:
            self._comparing = None

    async def _look_for_chats(self) -> None:
        try:
            chat_ids = await in_thread(member_chat_ids, self._viewer_id)
            added = sorted(set(chat_ids) - self._attachments.keys())
            rows = await in_thread(reads.chats_by_id, self._viewer_id, added) if added else {}
            for row in rows.values():
                await self._add(row)
        except (DatabaseError, OSError):
            logger.warning("The chats of user %d cannot be read now; trying again", self._viewer_id)
            await asyncio.sleep(settings.FEED_RETRY_SECONDS)
            self._is_stale = True

    async def _add(self, row: models.Chat) -> None:
        payload = await self._personal.execute(ChatAdded(chat=cast(Chat, row)))
        chat = await open_chat(row.pk, self._viewer_id)
        if chat is None or self._stopped or row.pk in self._attachments:
            return
        self.outlet.next(payload)
        # From their joining on: what was said between that and this moment is not lost.
        start = start_after(chat, self._viewer_id, chat.feed.joined_seqs[self._viewer_id] - 1)
        self._attach(chat, start.cursor, [] if start.reset is None else [start.reset])

    def _attach(self, chat: LiveChat, cursor: int, prelude: list[FeedEvent]) -> None:
        if not self._stopped:  # by the payload before this
            outlet = _OneChat(self, chat.chat_id)
            attachment = chat.attach(self._plan, self._viewer_id, outlet, cursor, prelude)
            self._attachments[chat.chat_id] = attachment
        if self._stopped:  # by a payload of this chat
            self._stop_attachments()

    def _stop_attachments(self) -> None:
        for attachment in tuple(self._attachments.values()):
            attachment.stop()
        self._attachments.clear()

    async def _open(self, chat_ids: list[int], since: Mapping[int, int]) -> list[LiveChat]:
        """Those that the viewer is a member of at this moment, each at its present seq."""
        while True:
            # Together first, so that they cost no more queries than one; each of them is then at hand.
            await asyncio.gather(*(live_chats().open(chat_id) for chat_id in chat_ids))
            found = await asyncio.gather(
                *(open_chat(chat_id, self._viewer_id, since.get(chat_id)) for chat_id in chat_ids)
            )
            chats = [chat for chat in found if chat is not None]
            # While the last one was opened, the first may have been closed again, or have lost this member.
            if all(live_chats().is_open(chat) for chat in chats):
                return [chat for chat in chats if is_member(chat, self._viewer_id)]


class _OneChat:
    """The inbox's outlet as one chat's attachment sees it: its end is the end of that chat alone."""

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
        self._inbox.removed(self._chat_id)

    def fail(self, errors: list[FormattedError]) -> None:
        self._inbox.fail(errors)
