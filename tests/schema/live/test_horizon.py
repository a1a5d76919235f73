"""Clients that were away for longer than the log is kept."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from auth.models import User
from chats.models import Chat, Event
from foundation.database import in_thread
from tests.factories import make_group, make_users, say
from tests.schema.live.outlets import follow, follow_ready

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hub")]


def an_old_chat() -> tuple[User, Chat]:
    """A chat with six events, of which pruning keeps the last two."""
    (ann,) = make_users(1)
    chat = make_group(ann)
    for _ in range(5):
        say(ann, chat)
    Event.objects.filter(chat=chat, seq__lte=4).update(at=timezone.now() - timedelta(days=365))
    return ann, chat


@pytest.mark.parametrize("is_open", [False, True], ids=["not open before", "open before"])
async def test_a_client_from_beyond_the_horizon_is_reset(is_open: bool, settings: Settings) -> None:
    ann, chat = await in_thread(an_old_chat)
    if is_open:
        await follow_ready(ann, chat)
    await in_thread(call_command, "prune_log", verbosity=0)
    kept, replayed = await follow_ready(ann, chat, since=4)
    assert replayed == 2
    assert await kept.outlet.seqs(2) == [5, 6]
    lost = await follow(ann, chat, since=1)
    ready, reset = await lost.outlet.events(2)
    assert ready["__typename"] == "FeedReady"
    assert reset == {"__typename": "FeedReset", "seq": 6, "reason": "BEYOND_HORIZON"}
    await in_thread(say, ann, chat)
    assert await lost.outlet.seqs(1) == [7]
    assert await kept.outlet.seqs(1) == [7]
