"""ALLOWED_HOSTS, for what does not pass through Django's handler: `/graphql/` over HTTP, and every websocket."""

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from api.http.asgi_messages import Receive, Scope, Send, header
from api.http.framing import errors_only
from api.http.refusal import Refused
from foundation.errors import ErrorCode


def check_host(scope: Scope) -> None:
    """Refuse (400) a Host that ALLOWED_HOSTS does not name, by Django's own rules."""
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


def is_allowed(scope: Scope) -> bool:
    """Whether ALLOWED_HOSTS names the Host of a request or handshake."""
    try:
        check_host(scope)
    except Refused:
        return False
    return True


async def refuse_handshake(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a handshake as HTTP does; with a 403 under servers that have no other answer to one, as Daphne."""
    await receive()
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})
        return
    refusal = _refusal()
    body = errors_only(refusal.errors)
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


def _refusal() -> Refused:
    return Refused(400, ErrorCode.BAD_INPUT, "This host is not served here.")
