"""What the REST endpoints share: JSON in and out, and errors in simplejwt's shape `{"detail", "code"}`."""

import functools
import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from auth.bearer import bearer_token
from auth.errors import AuthError
from auth.identity import Identity, authenticate
from foundation.client_address import client_address
from foundation.errors import ErrorCode, ParlorError

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponseBase]]
Body = TypeVar("Body", bound=msgspec.Struct)

# The status of each error code, and the code that clients of simplejwt and Django REST framework know.
_STATUSES = {
    ErrorCode.UNAUTHENTICATED: (401, "token_not_valid"),
    ErrorCode.FORBIDDEN: (403, "permission_denied"),
    ErrorCode.NOT_FOUND: (404, "not_found"),
    ErrorCode.BAD_INPUT: (400, "invalid"),
    ErrorCode.CONFLICT: (409, "conflict"),
    ErrorCode.RATE_LIMITED: (429, "throttled"),
    ErrorCode.TOO_LARGE: (413, "too_large"),
    ErrorCode.INTERNAL: (503, "unavailable"),
}


class RestRefused(Exception):  # noqa: N818 - an answer, not a fault
    """A request that is refused for its form, before any service is called."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


def endpoint(*methods: str) -> Callable[[View], View]:
    """Make a view of an async function: it checks the method, answers errors as JSON and forbids caching.

    No CSRF check: no endpoint looks at a cookie.
    """

    def decorate(view: View) -> View:
        @csrf_exempt
        @functools.wraps(view)
        async def answer(request: HttpRequest) -> HttpResponseBase:
            if request.method not in methods:
                response: HttpResponseBase = _error(
                    405, "method_not_allowed", "This method is not allowed here."
                )
                response["Allow"] = ", ".join(methods)
            else:
                response = await _call_view(view, request)
            response["Cache-Control"] = "no-store"
            return response

        return answer

    return decorate


async def _call_view(view: View, request: HttpRequest) -> HttpResponseBase:
    try:
        return await view(request)
    except RestRefused as refusal:
        response = _error(refusal.status, refusal.code, refusal.detail)
    except ParlorError as error:
        status, code = _STATUSES.get(error.code, (500, "error"))
        response = _error(status, code, error.message, **error.data)
        retry_after_ms = error.data.get("retryAfterMs")
        if isinstance(retry_after_ms, int):
            response["Retry-After"] = str(math.ceil(retry_after_ms / 1000))
    except Exception:
        logger.exception("%s failed.", request.path)
        return _error(500, "error", "Something went wrong on our side.")
    if response.status_code == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def read_body(request: HttpRequest, kind: type[Body]) -> Body:
    """The JSON body as `kind`. Raises RestRefused: 415, 413, 400; its text names fields, never their values."""
    if request.content_type != "application/json":
        raise RestRefused(415, "unsupported_media_type", "Send application/json.")
    raw = request.read(settings.MAX_AUTH_BODY_BYTES + 1)
    if len(raw) > settings.MAX_AUTH_BODY_BYTES:
        raise RestRefused(413, "too_large", f"A body has at most {settings.MAX_AUTH_BODY_BYTES} bytes.")
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise RestRefused(400, "invalid", f"{error}.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise RestRefused(400, "parse_error", "The body is not JSON.") from None


async def bearer_identity(request: HttpRequest) -> Identity:
    """The identity of the bearer token. Raises RestRefused without a token, AuthError for a bad one."""
    token = bearer_token(request.headers.get("Authorization", ""))
    if not token:
        raise RestRefused(401, "not_authenticated", "Send `Authorization: Bearer` and an access token.")
    return await authenticate(token)


def address_of(request: HttpRequest) -> str | None:
    """The client's address; X-Forwarded-For counts only from trusted proxies."""
    return client_address(request.META.get("REMOTE_ADDR"), request.headers.get("X-Forwarded-For"))


def no_active_account(error: AuthError) -> Exception:
    """The error of a failed login, with the code that simplejwt gives it."""
    if error.code is not ErrorCode.UNAUTHENTICATED:
        return error
    return RestRefused(401, "no_active_account", error.message)


def _error(status: int, code: str, detail: str, **data: object) -> JsonResponse:
    return JsonResponse({"detail": detail, "code": code, **data}, status=status)
