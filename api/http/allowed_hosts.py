"""Applies ALLOWED_HOSTS where Django's handler does not: to `/graphql/` over HTTP, and to every websocket handshake."""

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from api.http.asgi_messages import Receive, Scope, Send, header
from api.http.framing import errors_only
from api.http.refusal import HttpRefused
from foundation.errors import ErrorCode


def require_allowed_host(scope: Scope) -> None:
    """Raise HttpRefused (400) for a Host that ALLOWED_HOSTS does not name, by Django's own rules."""
    server = scope.get("server") or ("", None)
    request = HttpRequest()
    request.META = {"SERVER_NAME": server[0], "SERVER_PORT": str(server[1] or 80)}
    for name, key in ((b"host", "HTTP_HOST"), (b"x-forwarded-host", "HTTP_X_FORWARDED_HOST")):
        value = header(scope, name)
        if value is not None:
            request.META[key] = value
    try:
        request.get_host()
    except DisallowedHost:
        raise _refusal() from None


def is_host_allowed(scope: Scope) -> bool:
    """Whether ALLOWED_HOSTS names the Host of a request or handshake."""
    try:
        require_allowed_host(scope)
    except HttpRefused:
        return False
    return True


async def refuse_handshake(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a websocket handshake with the 400 of HTTP; servers that cannot, such as Daphne, answer 403."""
    await receive()
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})
        return
    refusal = _refusal()
    body = errors_only(refusal.errors)
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


def _refusal() -> HttpRefused:
    return HttpRefused(400, ErrorCode.BAD_INPUT, "This host is not served here.")
