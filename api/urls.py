"""Paths over HTTP."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from api.static_files import static_file

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("static/<path:path>", static_file),
]
