"""The queries of objects by their global ids (Relay, Global Object Identification)."""

import asyncio
from typing import Annotated, cast

import strawberry
from django.conf import settings
from strawberry import relay

from foundation.errors import ErrorCode, ParlorError
from schema.context import Info
from schema.ids import split_id

NodeId = Annotated[strawberry.ID, strawberry.argument(description="The global id of an object.")]
NodeIds = Annotated[
    list[strawberry.ID],
    strawberry.argument(description="The global ids of the objects; at most `maxPageSize`."),
]


@strawberry.type
class NodeQueries:
    """Queries by id."""

    @strawberry.field(
        description="The object with this id; null if there is no object that the viewer may see."
    )
    async def node(self, info: Info, id: NodeId) -> relay.Node | None:  # noqa: A002 - Relay's name
        return await find_node(info, id)

    @strawberry.field(
        description="The objects with these ids, in the same order; null for an id without an object that the viewer "
        "may see."
    )
    async def nodes(self, info: Info, ids: NodeIds) -> list[relay.Node | None]:
        limit = settings.MAX_PAGE_SIZE
        if len(ids) > limit:
            raise ParlorError(ErrorCode.TOO_LARGE, f"At most {limit} ids.", field="ids", maxPageSize=limit)
        return await asyncio.gather(*(find_node(info, node_id) for node_id in ids))


async def find_node(info: Info, node_id: str) -> relay.Node | None:
    """Return the object with this id, or None if the viewer may not see it."""
    type_name, key = split_id(node_id)
    _ = info.context.viewer_id
    loaders = info.context.loaders
    match type_name:
        case "User":
            return cast(relay.Node | None, await loaders.users.load(key))
        case "Chat":
            return cast(relay.Node | None, await loaders.chats.load(key))
        case "Message":
            return cast(relay.Node | None, await loaders.messages.load(key))
    return None
