"""What django-cors-headers' middleware decides about origins, decided here by the same rules and settings.

Requests to this application do not pass through Django's handler, so its settings are applied here. The library's own
code is used for the decision itself. Hosts are in `api/http/allowed_hosts.py`.
"""

from urllib.parse import urlsplit

from corsheaders.conf import conf
from corsheaders.middleware import CorsMiddleware
from django.http import HttpResponse

from api.http.asgi_messages import Headers

METHODS = b"GET, HEAD, OPTIONS, POST"

_rules = CorsMiddleware(lambda _request: HttpResponse())


def cors_headers(origin: str | None) -> Headers:
    """The headers that let a page of `origin` read the answer; only `vary` for one that may not."""
    vary = (b"vary", b"origin, accept")
    if not origin or not _is_allowed(origin):
        return (vary,)
    headers = [vary, (b"access-control-allow-origin", origin.encode("latin-1"))]
    if conf.CORS_ALLOW_CREDENTIALS:
        headers.append((b"access-control-allow-credentials", b"true"))
    if conf.CORS_EXPOSE_HEADERS:
        headers.append((b"access-control-expose-headers", ", ".join(conf.CORS_EXPOSE_HEADERS).encode()))
    return tuple(headers)


def preflight_headers(origin: str | None) -> Headers:
    """The answer to OPTIONS: what may be asked, and by which pages."""
    headers: Headers = ((b"allow", METHODS), *cors_headers(origin))
    if not origin or not _is_allowed(origin):
        return headers
    return (
        *headers,
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", ", ".join(conf.CORS_ALLOW_HEADERS).encode()),
        (b"access-control-max-age", str(conf.CORS_PREFLIGHT_MAX_AGE).encode()),
    )


def _is_allowed(origin: str) -> bool:
    if conf.CORS_ALLOW_ALL_ORIGINS:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return _rules.origin_found_in_white_lists(origin, parts)
