"""The query of the logged-in user."""

import strawberry

from foundation.errors import ErrorCode, ParlorError
from schema.context import Info
from schema.types.viewer import Viewer


@strawberry.type
class ViewerQueries:
    """Queries about the viewer."""

    @strawberry.field(description="The logged-in user.")
    async def viewer(self, info: Info) -> Viewer:
        user = await info.context.loaders.users.load(info.context.viewer_id)
        if user is None:
            raise ParlorError(ErrorCode.UNAUTHENTICATED, "This account no longer exists.")
        return Viewer(user=user, email=user.email)  # type: ignore[arg-type]
