"""The REST endpoints below /auth/, in the shapes of simplejwt. They call the same services as GraphQL does."""

import msgspec
from django.http import HttpRequest, JsonResponse

from auth import accounts, throttle, tickets
from auth.errors import AuthError
from auth.identity import authenticate
from auth.rest import address_of, bearer_identity, endpoint, no_active_account, read_body
from foundation.database import in_password_thread, in_thread
from foundation.errors import ErrorCode


class Credentials(msgspec.Struct):
    """The body of a login."""

    username: str
    password: str
    device: str | None = None


class Refresh(msgspec.Struct):
    """The body of a refresh."""

    refresh: str


class Verify(msgspec.Struct):
    """The body of a verification: a token of either kind."""

    token: str


@endpoint("POST")
async def token(request: HttpRequest) -> JsonResponse:
    """Exchange username and password for a pair of tokens."""
    body = read_body(request, Credentials)
    await throttle.check_login(address_of(request), body.username)
    device = request.headers.get("User-Agent", "") if body.device is None else body.device
    try:
        tokens = await in_password_thread(accounts.login, body.username, body.password, device)
    except AuthError as error:
        raise no_active_account(error) from None
    return _pair(tokens)


@endpoint("POST")
async def token_refresh(request: HttpRequest) -> JsonResponse:
    """Exchange a refresh token for a new pair: unlike simplejwt's default, the old one no longer works."""
    body = read_body(request, Refresh)
    await throttle.check_refresh(address_of(request))
    return _pair(await in_thread(accounts.refresh, body.refresh))


@endpoint("POST")
async def token_verify(request: HttpRequest) -> JsonResponse:
    """Answer 200 with an empty object for a token of either kind that works now."""
    body = read_body(request, Verify)
    await throttle.check_refresh(address_of(request))
    try:
        await authenticate(body.token)
    except AuthError as error:
        if error.code is not ErrorCode.UNAUTHENTICATED or not await _is_current_refresh_token(body.token):
            raise
    return JsonResponse({})


@endpoint("GET", "POST")
async def socket_ticket(request: HttpRequest) -> JsonResponse:
    """Issue a ticket for one socket, and list the ids of the user's chats."""
    identity = await bearer_identity(request)
    await throttle.check_ticket(identity.user_id)
    ticket = await tickets.issue_ticket(identity)
    chat_ids = await tickets.chat_ids(identity.user_id)
    return JsonResponse(
        {"ticket": ticket.ticket, "expiresAt": ticket.expires_at.isoformat(), "chatIds": list(chat_ids)}
    )


async def _is_current_refresh_token(text: str) -> bool:
    try:
        return await in_thread(accounts.is_current, text)
    except AuthError:
        return False


def _pair(tokens: accounts.Tokens) -> JsonResponse:
    return JsonResponse({"access": tokens.access_token, "refresh": tokens.refresh_token})
