"""Which web pages may open a socket.

Browsers hold no websocket back by CORS: the `Origin` header is all there is, and the server must look at it (RFC 6455,
10.2). It stops pages, not programs: those send what they like, and none at all is as good as a program's.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from corsheaders.conf import conf
from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpResponse

_cors = CorsMiddleware(lambda _request: HttpResponse())


def origin_allowed(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the handshake may go on: no Origin, the own host, SOCKET_ORIGINS, or what CORS lets call over HTTP."""
    by_name = {name.lower(): value.decode("latin-1") for name, value in headers}
    origin = by_name.get(b"origin")
    if origin is None:
        return True
    if origin in settings.SOCKET_ORIGINS or "*" in settings.SOCKET_ORIGINS or conf.CORS_ALLOW_ALL_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if (
        parts.scheme in ("http", "https")
        and parts.netloc
        and parts.netloc.lower() == by_name.get(b"host", "").lower()
    ):
        return True
    return bool(_cors.origin_found_in_white_lists(origin, parts))
