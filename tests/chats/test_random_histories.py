"""After random actions, seqs are 1 to n, and both the live events and the log lead to the chat's current state."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from auth.models import User
from chats.errors import ChatError
from chats.events import (
    DurableEvent,
    MemberJoined,
    MemberLeft,
    MemberRoleChanged,
    MessageDeleted,
    MessageEdited,
    MessagePosted,
    MessageSnapshot,
)
from chats.log.read import read_range
from chats.log.rebuild import message_snapshot
from chats.models import Chat, MemberRole, Membership, Message
from chats.profiles import profiles
from chats.services import add_members, delete_message, edit_message, leave_chat, remove_member, send_message
from tests.chats.convergence import Published
from tests.factories import make_group, make_users

pytestmark = pytest.mark.django_db(transaction=True)

person = st.integers(0, 3)
number = st.integers(0, 5)
text = st.sampled_from(["Hello", "Hi", "Good day"])
client_id = st.none() | st.sampled_from(["one", "two"])
action = st.one_of(
    st.tuples(st.just("send"), person, text, client_id, st.none() | number),
    st.tuples(st.just("edit"), person, number, text),
    st.tuples(st.just("delete"), person, number),
    st.tuples(st.just("add"), person, person),
    st.tuples(st.just("remove"), person, person),
    st.tuples(st.just("leave"), person),
)


@dataclass
class EventClient:
    """A client that knows nothing but events."""

    messages: dict[int, MessageSnapshot] = field(default_factory=dict)
    roles: dict[int, MemberRole] = field(default_factory=dict)

    def apply(self, event: DurableEvent) -> None:
        match event:
            case MessagePosted(message=message) | MessageEdited(message=message):
                self.messages[message.id] = message
            case MessageDeleted(message_id=message_id, at=at):
                live = self.messages[message_id]
                erased = {"text": "", "deleted_at": at}
                fields = {name: getattr(live, name) for name in live.__struct_fields__}
                self.messages[message_id] = MessageSnapshot(**{**fields, **erased})
            case MemberJoined(member=member) | MemberRoleChanged(member=member):
                self.roles[member.user.user_id] = member.role
            case MemberLeft(user=user):
                del self.roles[user.user_id]


def apply_all(events: Iterable[DurableEvent]) -> EventClient:
    client = EventClient()
    for event in events:
        client.apply(event)
    return client


def current_state(chat: Chat) -> EventClient:
    messages = list(chat.messages.all())
    people = profiles(message.sender_id for message in messages if message.sender_id)
    return EventClient(
        {message.pk: message_snapshot(message, people[message.sender_id or 0]) for message in messages},
        {row.user_id: MemberRole(row.role) for row in Membership.objects.filter(chat=chat)},
    )


def act(people: list[User], chat: Chat, action: tuple[object, ...]) -> None:
    """Perform one action. Raises ChatError if it is refused."""
    messages = list(Message.objects.filter(chat=chat).order_by("seq"))
    beyond = messages[-1].pk + 1 if messages else 1

    def target(number: int) -> int:
        return messages[number].pk if number < len(messages) else beyond

    match action:
        case ("send", int(who), str(words), client_id, reply_to):
            reply_to_id = target(reply_to) if isinstance(reply_to, int) else None
            send_message(people[who].pk, chat.pk, words, client_id, reply_to_id)  # type: ignore[arg-type]
        case ("edit", int(who), int(number), str(words)):
            edit_message(people[who].pk, target(number), words)
        case ("delete", int(who), int(number)):
            delete_message(people[who].pk, target(number))
        case ("add", int(who), int(whom)):
            add_members(people[who].pk, chat.pk, [people[whom].pk])
        case ("remove", int(who), int(whom)):
            remove_member(people[who].pk, chat.pk, people[whom].pk)
        case ("leave", int(who)):
            leave_chat(people[who].pk, chat.pk)


@hypothesis_settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
@given(actions=st.lists(action, max_size=25))
def test_live_and_replayed_events_lead_to_the_current_state(
    published: Published, actions: list[tuple[object, ...]]
) -> None:
    published.clear()
    people = make_users(4)
    chat = make_group(*people[:3])
    for one in actions:
        try:
            act(people, chat, one)
        except ChatError:
            continue
    chat.refresh_from_db()
    live = [event for event in published if event.chat_id == chat.pk]
    replayed = read_range(chat.pk, 1, 1000)

    assert [event.seq for event in live] == list(range(1, chat.last_seq + 1))
    assert [event.seq for event in replayed] == [event.seq for event in live]
    assert [type(event) for event in replayed] == [type(event) for event in live]
    assert apply_all(live) == current_state(chat)
    assert apply_all(replayed) == current_state(chat)
    for seen in range(chat.last_seq):
        assert read_range(chat.pk, seen + 1, chat.last_seq) == replayed[seen:]
