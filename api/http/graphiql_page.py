"""The GraphiQL page, which browsers get at the address of the API."""

import functools
from pathlib import Path

from django.conf import settings

from api.http.asgi_messages import Headers

NOT_BUILT = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Parlor</title></head>
<body><p>GraphiQL is not built yet: run <code>make web</code> and load this page again. The GraphQL API itself
works at this address.</p></body></html>
"""

HEADERS: Headers = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"vary", b"accept"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        # GraphiQL's editor writes style attributes and starts its workers from blobs; everything else comes from here.
        b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' data:; "
        b"worker-src 'self' blob:; connect-src 'self' ws: wss:; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)


def page() -> bytes:
    """The built page, or one that explains how to build it."""
    path = settings.BASE_DIR / "web" / "dist" / "graphiql" / "index.html"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        return NOT_BUILT


@functools.lru_cache(maxsize=1)
def _read(path: Path, _modified_ns: int) -> bytes:
    return path.read_bytes()
