"""`manage.py seed_demo`."""

import itertools

import pytest
from django.conf import LazySettings
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command
from django.utils import timezone

from chats.log.read import read_range
from chats.management.demo import CONVERSATIONS, PASSWORD, PEOPLE
from chats.models import Chat, Event, Membership, Message
from chats.reads import unread_counts
from tests.chats.convergence import Published

pytestmark = pytest.mark.django_db


def everything() -> list[object]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (get_user_model(), Chat, Membership, Message, Event)
    ]


def test_it_creates_varied_chats() -> None:
    call_command("seed_demo", verbosity=0)

    assert set(get_user_model().objects.values_list("username", flat=True)) == set(PEOPLE)
    assert authenticate(username="ann", password=PASSWORD) is not None
    assert Chat.objects.count() == len(CONVERSATIONS)
    assert Message.objects.filter(edited_at__isnull=False, deleted_at__isnull=True).exists()
    assert Message.objects.filter(deleted_at__isnull=False, text="").exists()
    assert Message.objects.filter(reply_to__isnull=False).exists()
    assert max(chat.messages.count() for chat in Chat.objects.all()) == 150
    assert not Message.objects.filter(created_at__gt=timezone.now()).exists()
    ann = get_user_model().objects.get(username="ann")
    assert unread_counts(ann.pk, Chat.objects.values_list("pk", flat=True))


def test_its_history_is_in_order() -> None:
    call_command("seed_demo", verbosity=0)
    for chat in Chat.objects.all():
        messages = list(chat.messages.order_by("seq"))
        assert all(one.created_at < next_.created_at for one, next_ in itertools.pairwise(messages))
        assert chat.last_activity_at == messages[-1].created_at
        events = read_range(chat.pk, 1, 1000)
        assert [event.seq for event in events] == list(range(1, chat.last_seq + 1))
        assert chat.created_at <= messages[0].created_at


def test_a_second_run_adds_nothing(published: Published) -> None:
    call_command("seed_demo", verbosity=0)
    before, count = everything(), len(published)
    call_command("seed_demo", verbosity=0)
    assert everything() == before
    assert len(published) == count


def test_it_refuses_to_run_in_production(settings: LazySettings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="not for production"):
        call_command("seed_demo", verbosity=0)
    assert get_user_model().objects.count() == 0
