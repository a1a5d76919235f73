"""Decides which web pages may call the API over HTTP (CORS) and open a socket, by django-cors-headers' own code.

Neither passes through Django's handler, where the library's middleware would decide. Hosts are in `allowed_hosts.py`.
"""

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from corsheaders.conf import conf
from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.http import HttpResponse

from api.http.asgi_messages import Headers

METHODS = b"GET, HEAD, OPTIONS, POST"

_cors = CorsMiddleware(lambda _request: HttpResponse())


def cors_headers(origin: str | None) -> Headers:
    """The headers that let a page of `origin` read the answer; only `vary` for a page that may not."""
    vary = (b"vary", b"origin, accept")
    if not origin or not _may_call(origin):
        return (vary,)
    headers = [vary, (b"access-control-allow-origin", origin.encode("latin-1"))]
    if conf.CORS_ALLOW_CREDENTIALS:
        headers.append((b"access-control-allow-credentials", b"true"))
    if conf.CORS_EXPOSE_HEADERS:
        headers.append((b"access-control-expose-headers", ", ".join(conf.CORS_EXPOSE_HEADERS).encode()))
    return tuple(headers)


def preflight_headers(origin: str | None) -> Headers:
    """The headers of the answer to OPTIONS: the methods and headers that a page of `origin` may send."""
    headers: Headers = ((b"allow", METHODS), *cors_headers(origin))
    if not origin or not _may_call(origin):
        return headers
    return (
        *headers,
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", ", ".join(conf.CORS_ALLOW_HEADERS).encode()),
        (b"access-control-max-age", str(conf.CORS_PREFLIGHT_MAX_AGE).encode()),
    )


def may_open_socket(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a handshake's Origin may open a socket: none, the own host, SOCKET_ORIGINS, or one that CORS allows.

    CORS holds no websocket back: browsers send `Origin` and leave the decision to the server (RFC 6455, 10.2). The
    check stops pages, not programs, which may send any Origin; so a handshake without one is allowed.
    """
    by_name = {name.lower(): value.decode("latin-1") for name, value in headers}
    origin = by_name.get(b"origin")
    if origin is None or origin in settings.SOCKET_ORIGINS or "*" in settings.SOCKET_ORIGINS:
        return True
    return _is_own_host(origin, by_name.get(b"host", "")) or _may_call(origin)


def _may_call(origin: str) -> bool:
    if conf.CORS_ALLOW_ALL_ORIGINS:
        return True
    parts = _split(origin)
    return parts is not None and bool(_cors.origin_found_in_white_lists(origin, parts))


def _is_own_host(origin: str, host: str) -> bool:
    parts = _split(origin)
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        return False
    return parts.netloc.lower() == host.lower()


def _split(origin: str) -> SplitResult | None:
    try:
        return urlsplit(origin)
    except ValueError:
        return None
