"""Serves the static files of the apps and of the web pages, without `collectstatic`."""

import mimetypes
from pathlib import Path

from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

_MAX_AGE_SECONDS = 3600


@require_safe
def static_file(request: HttpRequest, path: str) -> HttpResponse:  # noqa: ARG001 - Django calls it by this name
    """The static file at `path`, or 404."""
    try:
        found = finders.find(path)
    except (SuspiciousFileOperation, ValueError):  # outside the folders, or not a path
        raise Http404(path) from None
    if not isinstance(found, str) or not Path(found).is_file():
        raise Http404(path)
    kind, encoding = mimetypes.guess_type(found)
    headers = {"Cache-Control": f"public, max-age={_MAX_AGE_SECONDS}"}
    if encoding:
        headers["Content-Encoding"] = encoding
    return HttpResponse(
        Path(found).read_bytes(), content_type=kind or "application/octet-stream", headers=headers
    )
