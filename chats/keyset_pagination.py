"""Keyset pagination: a page is named by its edge, never by an offset, so that it costs the same wherever it lies.

Pages of many chats are read in one query: a UNION ALL with one limited index scan per chat.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet

from chats.models import Chat, Membership, Message

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of an ascending key to read: `size` rows from one end, `after` and `before` being exclusive bounds.

    With `around`, half of the rows lie before that key and half from it on; the bounds are then not used.
    """

    size: int
    from_end: bool = False
    after: int | None = None
    before: int | None = None
    around: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Rows in ascending order of their key, and whether either side has more."""

    rows: Sequence[M]
    has_previous: bool
    has_next: bool


@dataclass(frozen=True, slots=True)
class PageKey:
    """A window of the messages or members of one chat."""

    chat_id: int
    window: Window


def read_message_pages(viewer_id: int, keys: Iterable[PageKey]) -> dict[PageKey, Page[Message]]:
    """Pages of the messages that the viewer may read, by seq. Two queries: the viewer's memberships, and the rows."""
    keys = list(keys)
    visible = _visible_messages(viewer_id, {key.chat_id for key in keys})
    windows = {key: (visible[key.chat_id], key.window) for key in keys if key.chat_id in visible}
    return _read(windows, "seq", lambda message: message.seq, lambda message: message.chat_id)


def read_member_pages(keys: Iterable[PageKey]) -> dict[PageKey, Page[Membership]]:
    """Pages of members, in the order of joining. One query."""
    windows = {key: (Membership.objects.filter(chat_id=key.chat_id), key.window) for key in keys}
    return _read(windows, "id", lambda membership: membership.id, lambda membership: membership.chat_id)


def _visible_messages(viewer_id: int, chat_ids: Iterable[int]) -> dict[int, QuerySet[Message]]:
    """The messages that the viewer may read, by chat; chats of which they are a non-member are left out."""
    memberships = Membership.objects.filter(user_id=viewer_id, chat_id__in=list(chat_ids))
    rows = memberships.values_list("chat_id", "joined_seq", "chat__history_from_join")
    return {
        chat_id: Message.objects.filter(chat_id=chat_id, seq__gte=joined_seq if from_join else 1)
        for chat_id, joined_seq, from_join in rows
    }


def _read(
    windows: Mapping[PageKey, tuple[QuerySet[M], Window]],
    field: str,
    key_of: Callable[[M], int],
    chat_of: Callable[[M], int],
) -> dict[PageKey, Page[M]]:
    """One query per distinct window. The keys of one operation share their window, so that is one query in practice."""
    by_window: dict[Window, dict[PageKey, QuerySet[M]]] = {}
    for key, (rows, window) in windows.items():
        by_window.setdefault(window, {})[key] = rows
    pages: dict[PageKey, Page[M]] = {}
    for window, querysets in by_window.items():
        slices = [part for rows in querysets.values() for part in _slices(rows, field, window)]
        found: dict[int, dict[int, M]] = {}
        for row in reduce(lambda left, right: left.union(right, all=True), slices):
            found.setdefault(chat_of(row), {})[key_of(row)] = row
        for key in querysets:
            pages[key] = _page(found.get(key.chat_id, {}), window)
    return pages


def _slices(rows: QuerySet[M], field: str, window: Window) -> list[QuerySet[M]]:
    """The limited scans that a window needs, each one row longer, to see whether there are more rows."""
    if window.around is not None:
        older = rows.filter(**{f"{field}__lt": window.around}).order_by(f"-{field}")
        newer = rows.filter(**{f"{field}__gte": window.around}).order_by(field)
        return [older[: window.size // 2 + 1], newer[: window.size - window.size // 2 + 1]]
    if window.after is not None:
        rows = rows.filter(**{f"{field}__gt": window.after})
    if window.before is not None:
        rows = rows.filter(**{f"{field}__lt": window.before})
    return [rows.order_by(f"-{field}" if window.from_end else field)[: window.size + 1]]


def _page(found: Mapping[int, M], window: Window) -> Page[M]:
    keys = sorted(found)
    if window.around is not None:
        older = [key for key in keys if key < window.around]
        newer = [key for key in keys if key >= window.around]
        half, rest = window.size // 2, window.size - window.size // 2
        chosen = older[len(older) - min(half, len(older)) :] + newer[:rest]
        return Page([found[key] for key in chosen], len(older) > half, len(newer) > rest)
    has_more = len(keys) > window.size
    if window.from_end:
        chosen = keys[max(len(keys) - window.size, 0) :]
        return Page([found[key] for key in chosen], has_more, window.before is not None)
    return Page([found[key] for key in keys[: window.size]], window.after is not None, has_more)


@dataclass(frozen=True, slots=True)
class ActivityEdge:
    """A place in a list of chats that is ordered by last activity, then by id, both descending."""

    at: datetime
    chat_id: int


def page_by_activity(chats: QuerySet[Chat], size: int, after: ActivityEdge | None) -> Page[Chat]:
    """The next chats after an edge, in the order of `reads.chats_of`. One query."""
    if after is not None:
        same_moment = Q(last_activity_at=after.at, id__lt=after.chat_id)
        chats = chats.filter(Q(last_activity_at__lt=after.at) | same_moment)
    rows = list(chats[: size + 1])
    return Page(rows[:size], after is not None, len(rows) > size)
