"""A new member sees the whole history, or only that from their joining on, as the chat is set."""

import pytest

from auth.models import User
from chats.models import Chat
from chats.services import add_members, edit_message
from foundation.database import in_thread
from schema.live.delivery.live_chats import live_chats
from tests.factories import make_group, make_users, say
from tests.schema.live.inboxes import follow_inbox
from tests.schema.live.outlets import both_kinds, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]

EARLY, EDITED = "from before their joining", "from before their joining, and a comma"


def a_late_joiner(from_join: bool) -> tuple[User, User, Chat, int]:
    """Two people, the second of whom joined at seq 3; the id of a message from before that."""
    ann, bob = make_users(2)
    chat = make_group(ann)
    Chat.objects.filter(pk=chat.pk).update(history_from_join=from_join)
    early = say(ann, chat, EARLY)
    add_members(ann.pk, chat.pk, [bob.pk])
    return ann, bob, chat, early.pk


@both_kinds
@pytest.mark.parametrize("from_join", [False, True], ids=["whole history", "from joining on"])
async def test_a_message_from_before_the_joining_that_is_edited_after_it(query: str, from_join: bool) -> None:
    ann, bob, chat, early = await in_thread(a_late_joiner, from_join)
    live, replayed = await follow_ready(bob, chat, since=0, query=query)
    assert replayed == (1 if from_join else 3)
    owner, _ = await follow_ready(ann, chat, query=query)
    _inbox, inbox = await follow_inbox(bob, {chat: 0})
    await in_thread(edit_message, ann.pk, early, EDITED)
    await in_thread(say, ann, chat, "after it")
    seqs = [3, 4, 5] if from_join else [1, 2, 3, 4, 5]
    assert await live.outlet.seqs(len(seqs)) == seqs
    again, _ = await follow_ready(bob, chat, since=0, query=query)
    assert await again.outlet.seqs(len(seqs)) == seqs
    await inbox.count(1 + len(seqs))
    for delivered in (str(live.outlet.payloads), str(again.outlet.payloads), str(inbox.events)):
        assert (EARLY in delivered) is not from_join
        assert "after it" in delivered
    edited, _ = await owner.outlet.events(2)
    assert edited["message"]["text"] == EDITED


async def test_members_who_joined_together_share_a_stream() -> None:
    ann, bob, chat, _ = await in_thread(a_late_joiner, True)
    for viewer in (ann, bob, bob):
        await follow_ready(viewer, chat)
    assert sorted(len(one.attachments) for one in live_chats().open_chats[chat.pk].streams.values()) == [1, 2]
