"""What a page costs: how many SQL statements, the same for five rows as for fifty, and which columns they fetch."""

from typing import Any

import pytest

from auth.models import User
from chats.models import Chat, Membership, Message
from chats.services import add_members
from tests.factories import make_direct, make_group, make_user, make_users, say
from tests.schema.executing import data_of, ids
from tests.schema.queries.documents import CHAT, CHATS, NODES
from tests.sql_statements import counted_queries

pytestmark = pytest.mark.usefixtures("inline_database")

SIZES = (5, 50)


def make_chats(viewer: User, count: int) -> list[Chat]:
    """Groups and direct chats with replies, messages of both sides and unread ones."""
    chats = []
    for number in range(count):
        friend = make_user()
        chat = (
            make_direct(viewer, friend) if number % 2 else make_group(friend, viewer, title=f"Tea {number}")
        )
        first = say(friend, chat, f"first of {number}", client_id=f"{number}")
        say(viewer, chat, "an answer", reply_to_id=first.pk)
        say(friend, chat, "and more")
        chats.append(chat)
    return chats


def columns_of(statement: str) -> list[str]:
    """The columns that a SELECT fetches, without their tables; of a UNION, those of its first part."""
    selected = statement.partition("SELECT ")[2].partition(" FROM ")[0]
    return [column.rpartition(".")[2].strip('"') for column in selected.split(", ")]


def rows_of(connection: Any) -> list[Any]:
    return [edge["node"] for edge in connection["edges"]]


async def test_a_page_of_chats_with_everything_in_it() -> None:
    viewer = make_user()
    make_chats(viewer, max(SIZES) + 1)
    costs = {}
    for size in SIZES:
        with counted_queries() as statements:
            data = await data_of(viewer, CHATS, chats=size, messages=3, members=3)
        page = rows_of(data["chats"])
        assert len(page) == size
        assert all(len(rows_of(chat["messages"])) == 3 and chat["lastMessage"] for chat in page)
        assert all(rows_of(chat["messages"])[1]["replyTo"] for chat in page)
        costs[size] = len(statements)
    assert costs == {5: 12, 50: 12}


async def test_a_page_of_messages_and_members_with_everything_in_them() -> None:
    viewer, others = make_user(), make_users(60)
    chat = make_group(viewer)
    add_members(viewer.pk, chat.pk, [other.pk for other in others])
    for number, other in enumerate(others):
        first = say(other, chat, f"{number}")
        say(viewer, chat, "yes", reply_to_id=first.pk)
    costs = {}
    for size in SIZES:
        with counted_queries() as statements:
            data = await data_of(viewer, CHAT, id=ids(chat)[0], messages=size, members=size)
        assert len(rows_of(data["chat"]["messages"])) == len(rows_of(data["chat"]["members"])) == size
        costs[size] = len(statements)
    assert costs == {5: 13, 50: 13}


async def test_nodes_of_all_kinds() -> None:
    viewer = make_user()
    chats = make_chats(viewer, 30)
    messages = list(Message.objects.filter(chat__in=chats).exclude(sender=viewer).select_related("sender"))
    costs = {}
    for size in (5, 30):
        people = [message.sender for message in messages[:size]]
        wanted = ids(*chats[:size], *messages[:size], *people)
        with counted_queries() as statements:
            data = await data_of(viewer, NODES, ids=wanted, messages=3, members=3)
        assert all(data["nodes"])
        costs[size] = len(statements)
    assert costs == {5: 13, 30: 13}


async def test_a_selection_of_plain_fields_is_one_query() -> None:
    viewer = make_user()
    make_chats(viewer, 5)
    with counted_queries() as statements:
        data = await data_of(viewer, "{ chats(first: 50) { edges { node { id title lastSeq } } } }")
    assert len(rows_of(data["chats"])) == 5
    assert len(statements) == 1


async def test_the_columns_of_a_page_of_chats() -> None:
    viewer = make_user()
    make_chats(viewer, 5)
    with counted_queries() as statements:
        await data_of(viewer, CHATS, chats=5, messages=3, members=3)
    by_table: dict[str, set[int]] = {}
    for statement in statements:
        table = statement.partition(' FROM "')[2].partition('"')[0]
        by_table.setdefault(table, set()).add(len(columns_of(statement)))
    # Counts and lists of ids have two or three; whole rows have one column for each of their model's fields.
    assert by_table == {
        "accounts_user": {6},
        "chats_chat": {len(Chat._meta.concrete_fields)},
        "chats_membership": {2, 3, len(Membership._meta.concrete_fields)},
        "chats_message": {2, len(Message._meta.concrete_fields)},
    }


async def test_a_person_is_read_without_their_secrets() -> None:
    viewer = make_user()
    make_chats(viewer, 5)
    with counted_queries() as statements:
        await data_of(viewer, CHATS, chats=5, messages=3, members=3)
    people = [statement for statement in statements if 'FROM "accounts_user"' in statement]
    assert people
    for statement in people:
        assert set(columns_of(statement)) == {
            *("id", "username", "display_name", "avatar_url", "is_bot"),
            "email",  # of which `viewer` shows its own
        }
