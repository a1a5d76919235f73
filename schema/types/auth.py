"""The results of mutations that hand out tokens and tickets."""

from datetime import datetime

import strawberry

from schema.types.users import User


@strawberry.type(description="The tokens of a session and the user they belong to.")
class AuthPayload:
    """The result of every mutation that hands out tokens."""

    access_token: str = strawberry.field(
        description="The short-lived token for the header `Authorization: Bearer`."
    )
    refresh_token: str = strawberry.field(description="The token for `refreshTokens`. It works once.")
    access_expires_at: datetime = strawberry.field(description="When the access token expires.")
    refresh_expires_at: datetime = strawberry.field(description="When the refresh token expires.")
    user: User = strawberry.field(description="The user that the tokens belong to.")


@strawberry.type(
    description="A ticket that opens one socket, for clients that can send neither a header nor a connection_init "
    "payload."
)
class SocketTicket:
    """The result of createSocketTicket."""

    ticket: str = strawberry.field(description="The ticket. It works once, and only until `expiresAt`.")
    expires_at: datetime = strawberry.field(description="When the ticket expires if it is not used.")
    chat_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of all chats of the viewer, to subscribe to."
    )
