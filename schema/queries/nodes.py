"""Anything by its id (Relay, Global Object Identification)."""

import asyncio
from typing import Annotated, cast

import strawberry
from django.conf import settings
from strawberry import relay

from foundation.errors import ErrorCode, ParlorError
from schema.context import Info
from schema.ids import split_id

NodeId = Annotated[strawberry.ID, strawberry.argument(description="The id of anything that has one.")]
NodeIds = Annotated[list[strawberry.ID], strawberry.argument(description="Ids; `maxPageSize` at most.")]


@strawberry.type
class NodeQueries:
    """Queries by id."""

    @strawberry.field(description="What has this id; null if there is nothing that the viewer may see.")
    async def node(self, info: Info, id: NodeId) -> relay.Node | None:  # noqa: A002 - Relay's name
        return await find_node(info, id)

    @strawberry.field(
        description="What has these ids, in their order, with null where there is nothing to see."
    )
    async def nodes(self, info: Info, ids: NodeIds) -> list[relay.Node | None]:
        limit = settings.MAX_PAGE_SIZE
        if len(ids) > limit:
            raise ParlorError(ErrorCode.TOO_LARGE, f"{limit} ids at most.", field="ids", maxPageSize=limit)
        return await asyncio.gather(*(find_node(info, node_id) for node_id in ids))


async def find_node(info: Info, node_id: str) -> relay.Node | None:
    """The row of this id, if the viewer may see it."""
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
