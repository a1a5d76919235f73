"""Relay connections over keyset pages: cursors, page arguments, and pages as connections (Relay's specification)."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model
from strawberry import relay

from chats.keyset_pagination import ActivityEdge, Page, Window
from chats.models import Chat
from foundation.errors import ErrorCode, ParlorError

CURSOR_PREFIX = "key:"
ACTIVITY_PREFIX = "activity:"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = TypeVar("Row", bound=Model)
C = TypeVar("C", bound=relay.Connection[Any])


def connection(connection_type: type[C], page: Page[Row], cursor_of: Callable[[Row], str]) -> C:
    """A page of rows as a connection of the given type."""
    edges: list[relay.Edge[Any]] = [relay.Edge(cursor=cursor_of(row), node=row) for row in page.rows]
    page_info = relay.PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return connection_type(page_info=page_info, edges=edges)


def encode_cursor(key: int) -> str:
    """The opaque cursor of the row with this key."""
    return b64encode(f"{CURSOR_PREFIX}{key}".encode()).decode()


def decode_cursor(argument: str, cursor: str) -> int:
    """The key in a cursor. Raises BAD_INPUT, naming the argument, for any other text."""
    return _number(argument, _decode(argument, cursor, CURSOR_PREFIX))


def encode_activity(chat: Chat) -> str:
    """The opaque cursor of a chat in the list of chats, which is sorted by activity."""
    microseconds = (chat.last_activity_at - EPOCH) // timedelta(microseconds=1)
    return b64encode(f"{ACTIVITY_PREFIX}{microseconds}:{chat.pk}".encode()).decode()


def decode_activity(argument: str, cursor: str) -> ActivityEdge:
    """The position that such a cursor names. Raises BAD_INPUT, naming the argument, for any other text."""
    at, _, chat_id = _decode(argument, cursor, ACTIVITY_PREFIX).partition(":")
    try:
        moment = EPOCH + timedelta(microseconds=_number(argument, at))
    except OverflowError:
        raise _no_cursor(argument) from None
    return ActivityEdge(moment, _number(argument, chat_id))


def _decode(argument: str, cursor: str, prefix: str) -> str:
    try:
        text = b64decode(cursor.encode(), validate=True).decode()
    except (Base64Error, UnicodeError):
        raise _no_cursor(argument) from None
    if not text.startswith(prefix):
        raise _no_cursor(argument)
    return text.removeprefix(prefix)


def _number(argument: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) < 2**63):
        raise _no_cursor(argument)
    return int(text)


def _no_cursor(argument: str) -> ParlorError:
    return ParlorError(
        ErrorCode.BAD_INPUT, f"'{argument}' is not a cursor of this connection.", field=argument
    )


def window(
    *,
    first: int | None,
    after: str | None,
    last: int | None = None,
    before: str | None = None,
    around: int | None = None,
    newest_first: bool = False,
) -> Window:
    """The window of rows that a connection's arguments select.

    Without `first` and `last`, `DEFAULT_PAGE_SIZE` rows from the start, or from the end if `newest_first`. Raises
    BAD_INPUT for arguments that contradict each other and TOO_LARGE for a page above `MAX_PAGE_SIZE`.
    """
    if first is not None and last is not None:
        raise ParlorError(ErrorCode.BAD_INPUT, "Give either 'first' or 'last', not both.", field="last")
    if around is not None and (last is not None or after is not None or before is not None):
        raise ParlorError(ErrorCode.BAD_INPUT, "'aroundSeq' goes with 'first' alone.", field="aroundSeq")
    size = page_size("first", first) if last is None else page_size("last", last)
    from_end = last is not None or (first is None and after is None and newest_first)
    return Window(
        size=size,
        from_end=from_end,
        after=None if after is None else decode_cursor("after", after),
        before=None if before is None else decode_cursor("before", before),
        around=around,
    )


def page_size(argument: str, size: int | None) -> int:
    """The requested page size; `DEFAULT_PAGE_SIZE` for None. Raises BAD_INPUT or TOO_LARGE."""
    if size is None:
        return settings.DEFAULT_PAGE_SIZE
    if size < 0:
        raise ParlorError(ErrorCode.BAD_INPUT, f"'{argument}' cannot be negative.", field=argument)
    if size > settings.MAX_PAGE_SIZE:
        limit = settings.MAX_PAGE_SIZE
        raise ParlorError(
            ErrorCode.TOO_LARGE, f"'{argument}' is at most {limit}.", field=argument, maxPageSize=limit
        )
    return size
