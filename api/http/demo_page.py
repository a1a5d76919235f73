"""Serves the demo chat's page, as Vite built it into web/dist/."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from api.http.graphiql_page import HEADERS

_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Parlor</title></head>
<body><p>The demo chat is not built yet: run <code>make web</code> and load this page again.</p></body></html>
"""


@require_safe
def demo(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django passes it
    """The built page, or one that explains how to build it."""
    try:
        content = (settings.BASE_DIR / "web" / "dist" / "demo" / "index.html").read_bytes()
    except OSError:
        return HttpResponse(_NOT_BUILT, status=503)
    headers = {name.decode(): value.decode() for name, value in HEADERS}
    return HttpResponse(content, headers=headers)
