"""Who is not a member learns nothing; who joined late sees what was said since, where the chat says so."""

import base64

import pytest
from django.utils import timezone

from auth.models import User
from chats.models import Chat, Membership, Message
from chats.services import add_members, remove_member
from schema.ids import encode_id
from tests.factories import make_direct, make_group, make_user, make_users, say
from tests.schema.executing import count_rows, data_of, error_of, execute, ids

pytestmark = pytest.mark.usefixtures("inline_database")

CHAT = "query ($id: ID!) { chat(id: $id) { id title lastSeq memberCount } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
SEND = "mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id } }"
MISSING = 2**40


async def test_a_foreign_chat_is_answered_as_a_missing_one() -> None:
    ann, bob, eve = make_users(3)
    chat = make_group(ann, bob)
    message = say(ann, chat)
    before = count_rows()
    foreign, missing = ids(chat)[0], encode_id("Chat", MISSING)
    assert await error_of(eve, CHAT, id=foreign) == await error_of(eve, CHAT, id=missing)
    assert (await error_of(eve, CHAT, id=foreign))["extensions"] == {"code": "NOT_FOUND"}
    for made in (ids(chat)[0], ids(message)[0]):
        assert await data_of(eve, NODE, id=made) == {"node": None}
    unseen = [foreign, missing, *ids(message), encode_id("Message", MISSING)]
    assert await data_of(eve, NODES, ids=unseen) == {"nodes": [None] * 4}
    said = [
        await error_of(eve, SEND, input={"chatId": chat_id, "text": "let me in"})
        for chat_id in (foreign, missing)
    ]
    assert said[0] == said[1]
    assert said[0]["extensions"]["code"] == "NOT_FOUND"
    assert (await data_of(eve, "{ chats { edges { cursor } } }"))["chats"]["edges"] == []
    assert count_rows() == before


async def test_a_reply_to_a_message_elsewhere_is_answered_as_one_to_a_missing_message() -> None:
    ann, eve = make_users(2)
    secret, own = say(ann, make_group(ann)), make_group(eve)
    before = count_rows()
    errors = [
        await error_of(eve, SEND, input={"chatId": ids(own)[0], "text": "?", "replyToId": reply_to})
        for reply_to in (ids(secret)[0], encode_id("Message", MISSING))
    ]
    assert errors[0] == errors[1]
    assert errors[0]["extensions"] == {"code": "NOT_FOUND", "field": "replyToId"}
    assert count_rows() == before


async def test_who_was_removed_sees_nothing_any_more() -> None:
    ann, bob = make_users(2)
    chat = make_group(ann, bob)
    message = say(bob, chat)
    assert await data_of(bob, NODES, ids=ids(chat, message)) == {
        "nodes": [{"id": one} for one in ids(chat, message)]
    }
    remove_member(ann.pk, chat.pk, bob.pk)
    assert await data_of(bob, NODES, ids=ids(chat, message)) == {"nodes": [None, None]}
    assert (await error_of(bob, CHAT, id=ids(chat)[0]))["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "Chat:1",
        "☃",
        "\ud800",
        "Chat:",
        "Chat:0",
        "Chat:-1",
        "Chat:1e3",
        "Chat:٣",
        f"Chat:{2**63}",
        "Nothing:1",
    ],
    ids=ascii,
)
async def test_what_is_no_id_is_answered_as_a_missing_one(text: str) -> None:
    eve = make_user()
    encoded = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    for value in (text, encoded):
        assert (await error_of(eve, CHAT, id=value))["extensions"] == {"code": "NOT_FOUND"}
        assert await data_of(eve, NODE, id=value) == {"node": None}


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { email } }",
        "{ chats { edges { cursor } } }",
        '{ node(id: "Q2hhdDox") { id } }',
        '{ chat(id: "Q2hhdDox") { id } }',
        'mutation { startDirectChat(userId: "VXNlcjox") { id } }',
        'mutation { sendMessage(input: {chatId: "Q2hhdDox", text: "x"}) { id } }',
        'mutation { createGroupChat(input: {title: "x", memberIds: []}) { id } }',
        'mutation { changePassword(oldPassword: "x", newPassword: "y") { accessToken } }',
        "mutation { createSocketTicket { ticket } }",
    ],
)
async def test_without_a_login_there_is_nothing(query: str) -> None:
    before = count_rows()
    assert (await error_of(None, query))["extensions"] == {"code": "UNAUTHENTICATED"}
    assert count_rows() == before


HISTORY = """query ($id: ID!, $ids: [ID!]!) {
  chat(id: $id) {
    lastMessage { text }
    viewerMembership { unreadCount }
    messages(first: 50) {
      edges { node { text replyTo { text } chat { lastMessage { text } } } }
      pageInfo { hasPreviousPage }
    }
    newest: messages { edges { node { text } } pageInfo { hasPreviousPage } }
    backward: messages(last: 50) { edges { node { text } } pageInfo { hasPreviousPage } }
    around: messages(first: 50, aroundSeq: 1) { edges { node { text } } }
  }
  nodes(ids: $ids) { ... on Message { text } }
}"""


def late_joiner(*, history_from_join: bool) -> tuple[User, User, Chat, Message]:
    """A founder, one who joined after something had been said, their chat, and what had been said."""
    ann, bob = make_users(2)
    chat = make_group(ann)
    Chat.objects.filter(pk=chat.pk).update(history_from_join=history_from_join)
    earlier = say(ann, chat, "earlier")
    add_members(ann.pk, chat.pk, [bob.pk])
    Membership.objects.filter(chat=chat, user=bob).update(last_read_seq=0)
    return ann, bob, chat, earlier


async def test_who_joined_late_sees_nothing_from_before_where_the_chat_says_so() -> None:
    ann, bob, chat, earlier = late_joiner(history_from_join=True)
    empty = await data_of(bob, HISTORY, id=ids(chat)[0], ids=ids(earlier))
    assert "earlier" not in str(empty)
    assert empty["chat"]["lastMessage"] is None
    assert empty["chat"]["viewerMembership"] == {"unreadCount": 0}
    assert empty["nodes"] == [None]
    answer = say(ann, chat, "later", reply_to_id=earlier.pk)
    data = await data_of(bob, HISTORY, id=ids(chat)[0], ids=ids(earlier, answer))
    assert "earlier" not in str(data)
    assert data["chat"]["lastMessage"] == {"text": "later"}
    assert data["chat"]["viewerMembership"] == {"unreadCount": 1}
    assert data["nodes"] == [None, {"text": "later"}]
    (edge,) = data["chat"]["messages"]["edges"]
    assert edge["node"] == {"text": "later", "replyTo": None, "chat": {"lastMessage": {"text": "later"}}}
    pages = [data["chat"][name]["pageInfo"]["hasPreviousPage"] for name in ("messages", "newest", "backward")]
    assert pages == [False, False, False]
    reply = {"chatId": ids(chat)[0], "text": "to what?", "replyToId": ids(earlier)[0]}
    assert (await error_of(bob, SEND, input=reply))["extensions"]["code"] == "NOT_FOUND"


async def test_who_joined_late_sees_the_whole_history_by_default() -> None:
    _ann, bob, chat, earlier = late_joiner(history_from_join=False)
    data = await data_of(bob, HISTORY, id=ids(chat)[0], ids=ids(earlier))
    assert data["nodes"] == [{"text": "earlier"}]
    assert data["chat"]["viewerMembership"] == {"unreadCount": 1}
    assert [edge["node"]["text"] for edge in data["chat"]["messages"]["edges"]] == ["earlier"]


async def test_what_is_private_to_a_member_is_shown_to_them_alone() -> None:
    ann, bob = make_users(2)
    chat = make_direct(ann, bob)
    say(bob, chat)
    Membership.objects.filter(chat=chat, user=ann).update(muted_until=timezone.now(), is_pinned=True)
    query = """query ($id: ID!) {
      chat(id: $id) { viewerMembership { unreadCount mutedUntil isPinned } members { edges { node { role } } } }
    }"""
    of_ann, of_bob = [(await data_of(who, query, id=ids(chat)[0]))["chat"] for who in (ann, bob)]
    assert of_ann["viewerMembership"]["isPinned"] is True
    assert of_ann["viewerMembership"]["unreadCount"] == 1
    assert of_bob["viewerMembership"] == {"unreadCount": 0, "mutedUntil": None, "isPinned": False}


async def test_a_foreign_node_does_not_hide_the_others() -> None:
    ann, eve = make_users(2)
    secret, own = make_group(ann), make_group(eve)
    body = await execute(eve, NODES, ids=ids(secret, own, ann))
    assert body == {"data": {"nodes": [None, {"id": ids(own)[0]}, {"id": ids(ann)[0]}]}}


async def test_more_ids_than_a_page_are_refused() -> None:
    error = await error_of(make_user(), NODES, ids=["x"] * 101)
    assert error["extensions"] == {"code": "TOO_LARGE", "field": "ids", "maxPageSize": 100}
