"""Pages of rows as Relay connections."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model
from strawberry.relay import PageInfo

from chats.keyset_pagination import Page

R = TypeVar("R", bound=Model)
C = TypeVar("C")


def connection(
    connection_type: Callable[..., C],
    edge_type: Callable[..., Any],
    page: Page[R],
    cursor_of: Callable[[R], str],
) -> C:
    """A page of rows as a connection of the given types."""
    edges = [edge_type(cursor=cursor_of(row), node=row) for row in page.rows]
    page_info = PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return connection_type(edges=edges, page_info=page_info)
