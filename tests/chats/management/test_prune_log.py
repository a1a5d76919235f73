"""`manage.py prune_log`."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chats.feeds.feed_state import read_states
from chats.log.pruning import find_prunable, prune
from chats.models import Chat, Event, Message
from tests.factories import make_group, make_users, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def horizon(settings: Settings) -> datetime:
    settings.REPLAY_HORIZON_DAYS = 10
    return timezone.now() - timedelta(days=10)


def a_chat(*ages_in_hours: float) -> Chat:
    """A chat with one event per age, in hours before the horizon, which is ten days ago."""
    (ann,) = make_users(1)
    chat = make_group(ann)
    for _ in ages_in_hours[1:]:
        say(ann, chat)
    for seq, age in enumerate(ages_in_hours, 1):
        at = timezone.now() - timedelta(days=10, hours=age)
        Event.objects.filter(chat=chat, seq=seq).update(at=at)
    return chat


def seqs(chat: Chat) -> list[int]:
    return list(Event.objects.filter(chat=chat).order_by("seq").values_list("seq", flat=True))


def prune_log(*arguments: str) -> str:
    out = StringIO()
    call_command("prune_log", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("horizon")
def test_events_before_the_horizon_are_deleted_and_messages_stay() -> None:
    old, young = a_chat(3, 2, 1, -1, -2), a_chat(-1, -2)
    messages = Message.objects.count()
    assert prune_log().startswith("Log: 3 events of 1 chats from before ")
    assert seqs(old) == [4, 5]
    assert seqs(young) == [1, 2]
    assert Message.objects.count() == messages
    assert prune_log().startswith("Log: 0 events of 0 chats")


@pytest.mark.usefixtures("horizon")
def test_the_newest_event_stays_however_old_it_is() -> None:
    chat = a_chat(9, 8, 7)
    prune_log()
    assert seqs(chat) == [3]
    state = read_states([chat.pk])[chat.pk]
    assert (state.horizon_seq, state.last_seq) == (3, 3)


@pytest.mark.usefixtures("horizon")
def test_a_clock_that_went_back_makes_no_hole() -> None:
    chat = a_chat(5, -1, 4, -2)
    prune_log()
    assert seqs(chat) == [2, 3, 4]


@pytest.mark.usefixtures("horizon")
def test_a_dry_run_changes_nothing() -> None:
    chat = a_chat(3, 2, 1, -1)
    assert prune_log("--dry-run").startswith("Log: 3 events of 1 chats")
    assert seqs(chat) == [1, 2, 3, 4]


@pytest.mark.usefixtures("horizon")
def test_it_deletes_in_batches_oldest_first(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    chat = a_chat(5, 4, 3, 2, 1, -1)
    (found,) = find_prunable(timezone.now() - timedelta(days=10))
    batches = prune(found, 2)
    assert next(batches) == 2
    assert seqs(chat) == [3, 4, 5, 6]
    assert list(batches) == [2, 1]
    assert seqs(chat) == [6]


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(CommandError):
        prune_log("--batch", "0")


def test_without_chats_there_is_nothing_to_do() -> None:
    assert prune_log().startswith("Log: 0 events of 0 chats")
