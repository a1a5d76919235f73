"""The mutations of accounts, sessions and tokens."""

from typing import Annotated

import strawberry

from auth import accounts, throttle
from auth.sessions import Tokens
from foundation.database import in_password_thread, in_thread
from schema.context import Info
from schema.types.auth import AuthPayload


@strawberry.input(description="The data of a new account.")
class RegisterInput:
    """The arguments of register."""

    username: str = strawberry.field(
        description="2 to 32 letters, digits, '_', '.' or '-'; unique regardless of upper and lower case."
    )
    password: str = strawberry.field(description="The password. Django's password validators check it.")
    display_name: str | None = strawberry.field(
        default=None, description="The name to display; without it, the username."
    )
    email: str | None = strawberry.field(
        default=None, description="The email address; only the user can see it."
    )


def payload(tokens: Tokens) -> AuthPayload:
    """The tokens as a GraphQL object."""
    return AuthPayload(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        access_expires_at=tokens.access_expires_at,
        refresh_expires_at=tokens.refresh_expires_at,
        user=tokens.user,  # type: ignore[arg-type]
    )


@strawberry.type
class AuthMutations:
    """Mutations of accounts."""

    @strawberry.mutation(description="Create an account and log in.")
    async def register(
        self,
        info: Info,
        input: Annotated[RegisterInput, strawberry.argument(description="The account.")],  # noqa: A002
    ) -> AuthPayload:
        context = info.context
        await throttle.check_register(context.client_address)
        tokens = await in_password_thread(
            accounts.register, input.username, input.password, input.display_name, input.email, context.device
        )
        return payload(tokens)

    @strawberry.mutation(description="Log in. This starts a session.")
    async def login(
        self,
        info: Info,
        username: Annotated[
            str, strawberry.argument(description="The username, regardless of upper and lower case.")
        ],
        password: Annotated[str, strawberry.argument(description="The password.")],
    ) -> AuthPayload:
        context = info.context
        await throttle.check_login(context.client_address, username)
        return payload(await in_password_thread(accounts.login, username, password, context.device))

    @strawberry.mutation(
        description="Exchange a refresh token for new tokens. A refresh token works once; using it again ends the "
        "session."
    )
    async def refresh_tokens(
        self,
        info: Info,
        refresh_token: Annotated[
            str, strawberry.argument(description="The newest refresh token of the session.")
        ],
    ) -> AuthPayload:
        await throttle.check_refresh(info.context.client_address)
        return payload(await in_thread(accounts.refresh, refresh_token))

    @strawberry.mutation(
        description="End the session: its tokens stop working and its sockets are closed. Returns false if the "
        "session had already ended."
    )
    async def logout(
        self,
        refresh_token: Annotated[str, strawberry.argument(description="A refresh token of the session.")],
        everywhere: Annotated[
            bool | None, strawberry.argument(description="Whether to end all sessions of the session's user.")
        ] = False,
    ) -> bool:
        return await in_thread(accounts.logout, refresh_token, everywhere=bool(everywhere))

    @strawberry.mutation(
        description="Change the viewer's password. Every other session ends, and all earlier access tokens stop "
        "working."
    )
    async def change_password(
        self,
        info: Info,
        old_password: Annotated[str, strawberry.argument(description="The current password.")],
        new_password: Annotated[
            str, strawberry.argument(description="The new password, checked as in `register`.")
        ],
    ) -> AuthPayload:
        identity = info.context.require_identity()
        await throttle.check_password_change(identity.user_id)
        tokens = await in_password_thread(
            accounts.change_password, identity.user_id, identity.session_id, old_password, new_password
        )
        return payload(tokens)
