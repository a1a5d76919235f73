"""What a login gives."""

from datetime import datetime

import strawberry

from schema.types.users import User


@strawberry.type(description="A session's tokens, and whose they are.")
class AuthPayload:
    """The answer of every mutation that hands out tokens."""

    access_token: str = strawberry.field(description="Goes into `Authorization: Bearer`; short-lived.")
    refresh_token: str = strawberry.field(description="For refreshTokens; works once.")
    access_expires_at: datetime = strawberry.field(description="When the access token ends.")
    refresh_expires_at: datetime = strawberry.field(description="When the refresh token ends.")
    user: User = strawberry.field(description="Whose tokens they are.")


@strawberry.type(
    description="Opens one socket, for clients that can send no header and no connection_init payload."
)
class SocketTicket:
    """A ticket."""

    ticket: str = strawberry.field(description="Works once, and only for a short time.")
    expires_at: datetime = strawberry.field(description="When it ends, if it is not used.")
    chat_ids: list[strawberry.ID] = strawberry.field(description="All chats of the viewer, to subscribe to.")
