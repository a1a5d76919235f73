"""Keyset pages, from every side and at every edge."""

import base64
from typing import Any

import pytest

from auth.models import User
from chats.models import Chat, Event, Membership, Message
from chats.services import leave_chat
from schema.relay_pagination import encode_cursor
from tests.factories import make_group, make_user, make_users, say
from tests.schema.executing import Json, code_of, data_of, error_of, ids

pytestmark = pytest.mark.usefixtures("inline_database")

MESSAGES = """query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $around: Int) {
  chat(id: $id) {
    page: messages(first: $first, after: $after, last: $last, before: $before, aroundSeq: $around) {
      edges { cursor node { seq } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}"""
MEMBERS = """query ($id: ID!, $first: Int! = 50, $after: String) {
  chat(id: $id) {
    page: members(first: $first, after: $after) {
      edges { cursor node { user { username } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}"""
CHATS = """query ($first: Int!, $after: String) {
  page: chats(first: $first, after: $after) {
    edges { cursor node { title } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


class Talk:
    """A chat of one member with messages at the seqs 2, 3, ..."""

    def __init__(self, count: int) -> None:
        self.viewer: User = make_user()
        self.chat: Chat = make_group(self.viewer)
        self.messages: list[Message] = [say(self.viewer, self.chat, str(number)) for number in range(count)]

    async def page(self, **arguments: object) -> tuple[list[int], bool, bool]:
        """The seqs of a page; whether there are more before and after it."""
        data = await data_of(self.viewer, MESSAGES, id=ids(self.chat)[0], **arguments)
        return shown(data["chat"]["page"])

    async def code(self, **arguments: object) -> str:
        """The code of the refusal."""
        return await code_of(self.viewer, MESSAGES, id=ids(self.chat)[0], **arguments)


def shown(page: Json) -> tuple[list[Any], bool, bool]:
    """The rows of a page, whose cursors must agree with its page info."""
    edges, info = page["edges"], page["pageInfo"]
    assert info["startCursor"] == (edges[0]["cursor"] if edges else None)
    assert info["endCursor"] == (edges[-1]["cursor"] if edges else None)
    rows = [next(iter(edge["node"].values())) for edge in edges]
    return rows, info["hasPreviousPage"], info["hasNextPage"]


def after(seq: int) -> str:
    return encode_cursor(seq)


async def test_without_arguments_the_newest_page() -> None:
    talk = Talk(60)
    assert await talk.page() == (list(range(12, 62)), True, False)


async def test_an_empty_chat() -> None:
    talk = Talk(0)
    for arguments in (
        {},
        {"first": 3},
        {"last": 3},
        {"first": 3, "around": 1},
        {"first": 3, "after": after(9)},
    ):
        seqs, _before, more = await talk.page(**arguments)
        assert (seqs, more) == ([], False)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"first": 2}, ([2, 3], False, True)),
        ({"first": 5}, ([2, 3, 4, 5, 6], False, False)),
        ({"first": 6}, ([2, 3, 4, 5, 6], False, False)),
        ({"first": 2, "after": after(3)}, ([4, 5], True, True)),
        ({"first": 3, "after": after(3)}, ([4, 5, 6], True, False)),
        ({"first": 3, "after": after(6)}, ([], True, False)),
        ({"last": 2}, ([5, 6], True, False)),
        ({"last": 5}, ([2, 3, 4, 5, 6], False, False)),
        ({"last": 6}, ([2, 3, 4, 5, 6], False, False)),
        ({"last": 2, "before": after(5)}, ([3, 4], True, True)),
        ({"last": 3, "before": after(5)}, ([2, 3, 4], False, True)),
        ({"last": 3, "before": after(2)}, ([], False, True)),
        ({"after": after(3)}, ([4, 5, 6], True, False)),
        ({"first": 1, "after": after(2), "before": after(5)}, ([3], True, True)),
        ({"last": 1, "after": after(2), "before": after(5)}, ([4], True, True)),
        ({"first": 4, "around": 4}, ([2, 3, 4, 5], False, True)),
        ({"first": 2, "around": 4}, ([3, 4], True, True)),
        ({"first": 3, "around": 4}, ([3, 4, 5], True, True)),
        ({"first": 1, "around": 4}, ([4], True, True)),
        ({"first": 4, "around": 1}, ([2, 3], False, True)),
        ({"first": 4, "around": 100}, ([5, 6], True, False)),
        ({"first": 50, "around": 4}, ([2, 3, 4, 5, 6], False, False)),
        ({"first": 0}, ([], False, True)),
        ({"last": 0}, ([], True, False)),
        ({"first": 0, "around": 4}, ([], True, True)),
    ],
    ids=str,
)
async def test_pages_of_messages(arguments: Json, expected: tuple[list[int], bool, bool]) -> None:
    assert await Talk(5).page(**arguments) == expected


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
async def test_walking_through_all_pages_meets_each_row_once_both_ways(size: int) -> None:
    talk = Talk(7)
    forward: list[int] = []
    more = True
    while more:
        seqs, _, more = await talk.page(first=size, after=after(forward[-1]) if forward else None)
        forward += seqs
    backward: list[int] = []
    more = True
    while more:
        seqs, more, _ = await talk.page(last=size, before=after(backward[0]) if backward else None)
        backward = seqs + backward
    assert forward == backward == list(range(2, 9))


async def test_a_cursor_outlives_its_row() -> None:
    talk = Talk(5)
    Event.objects.filter(message=talk.messages[1]).delete()
    talk.messages[1].delete()
    assert await talk.page(first=2, after=after(3)) == ([4, 5], True, True)
    assert await talk.page(last=2, before=after(3)) == ([2], False, True)
    assert await talk.page(first=2, around=3) == ([2, 4], False, True)


def forged_cursors() -> list[str]:
    def encoded(text: str | bytes) -> str:
        return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()

    texts: list[str | bytes] = [
        "key:",
        "key:-1",
        "key:x",
        "key:1.5",
        f"key:{2**63}",
        "key:²",
        "other:3",
        "3",
        "key: 3",
        b"\xff\xfe",
    ]
    return ["", "x", "☃", "\ud800", *map(encoded, texts)]


@pytest.mark.parametrize("cursor", forged_cursors(), ids=ascii)
async def test_a_forged_cursor_is_bad_input(cursor: str) -> None:
    talk = Talk(1)
    friend = make_user()
    for field in ("after", "before"):
        error = await error_of(talk.viewer, MESSAGES, id=ids(talk.chat)[0], first=1, **{field: cursor})
        assert error["extensions"] == {"code": "BAD_INPUT", "field": field}
    assert await code_of(talk.viewer, MEMBERS, id=ids(talk.chat)[0], after=cursor) == "BAD_INPUT"
    assert await code_of(friend, CHATS, first=1, after=cursor) == "BAD_INPUT"


async def test_a_cursor_of_another_connection_is_bad_input() -> None:
    talk = Talk(1)
    assert await code_of(talk.viewer, CHATS, first=1, after=after(3)) == "BAD_INPUT"
    edge = (await data_of(talk.viewer, CHATS, first=1))["page"]["edges"][0]
    assert await talk.code(first=1, after=edge["cursor"]) == "BAD_INPUT"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"first": 101}, "TOO_LARGE"),
        ({"last": 101}, "TOO_LARGE"),
        ({"first": 10_000}, "TOO_LARGE"),
        ({"first": -1}, "BAD_INPUT"),
        ({"last": -1}, "BAD_INPUT"),
        ({"first": 1, "last": 1}, "BAD_INPUT"),
        ({"last": 1, "around": 3}, "BAD_INPUT"),
        ({"first": 1, "around": 3, "after": after(1)}, "BAD_INPUT"),
        ({"first": 2**31}, "BAD_INPUT"),
    ],
    ids=str,
)
async def test_what_is_no_page(arguments: Json, code: str) -> None:
    assert await Talk(1).code(**arguments) == code


async def test_any_seq_may_be_asked_around() -> None:
    talk = Talk(3)
    assert await talk.page(first=2, around=-(2**31)) == ([2], False, True)
    assert await talk.page(first=2, around=2**31 - 1) == ([4], True, False)


async def test_pages_of_members_in_the_order_of_their_joining() -> None:
    people = make_users(5)
    chat = make_group(*people)
    names = [person.username for person in people]

    async def page(**arguments: object) -> tuple[list[Any], bool, bool]:
        data = (await data_of(people[0], MEMBERS, id=ids(chat)[0], **arguments))["chat"]["page"]
        rows, before, more = shown(data)
        return [row["username"] for row in rows], before, more

    rows = {member.user_id: member for member in Membership.objects.filter(chat=chat)}
    cursors = [encode_cursor(rows[person.pk].pk) for person in people]
    assert await page() == (names, False, False)
    assert await page(first=2) == (names[:2], False, True)
    assert await page(first=3, after=cursors[1]) == (names[2:], True, False)
    leave_chat(people[1].pk, chat.pk)
    assert await page(first=2, after=cursors[1]) == (names[2:4], True, True)
    assert await page(after=cursors[-1]) == ([], True, False)


async def test_pages_of_chats_by_activity() -> None:
    viewer = make_user()
    chats = [make_group(viewer, title=f"{number}") for number in range(5)]
    say(viewer, chats[1])
    order = ["1", "4", "3", "2", "0"]
    seen: list[str] = []
    cursor, more = None, True
    while more:
        data = (await data_of(viewer, CHATS, first=2, after=cursor))["page"]
        rows, before, more = shown(data)
        assert before is bool(seen)
        seen += rows
        cursor = data["pageInfo"]["endCursor"]
    assert seen == order
    assert shown((await data_of(viewer, CHATS, first=5))["page"]) == (order, False, False)
    assert shown((await data_of(viewer, CHATS, first=0))["page"]) == ([], False, True)


async def test_chats_of_one_moment_are_neither_skipped_nor_doubled() -> None:
    viewer = make_user()
    for number in range(6):
        make_group(viewer, title=f"{number}")
    Chat.objects.update(last_activity_at=Chat.objects.latest("pk").last_activity_at)
    seen: list[str] = []
    cursor, more = None, True
    while more:
        data = (await data_of(viewer, CHATS, first=2, after=cursor))["page"]
        rows, _, more = shown(data)
        seen += rows
        cursor = data["pageInfo"]["endCursor"]
    assert seen == ["5", "4", "3", "2", "1", "0"]


async def test_a_chat_that_moves_up_meanwhile_hides_no_other() -> None:
    viewer = make_user()
    chats = [make_group(viewer, title=f"{number}") for number in range(4)]
    first = (await data_of(viewer, CHATS, first=2))["page"]
    say(viewer, chats[0])
    rest = (await data_of(viewer, CHATS, first=2, after=first["pageInfo"]["endCursor"]))["page"]
    assert shown(first)[0] + shown(rest)[0] == ["3", "2", "1"]


async def test_null_is_as_good_as_nothing() -> None:
    talk = Talk(1)
    query = """query ($id: ID!, $null: Int, $no: Boolean) {
      chats(first: $null, archived: $no) { edges { node { title } } }
      chat(id: $id) { members(first: $null) { edges { node { role } } } }
    }"""
    data = await data_of(talk.viewer, query, id=ids(talk.chat)[0], null=None, no=None)
    assert len(data["chats"]["edges"]) == len(data["chat"]["members"]["edges"]) == 1
