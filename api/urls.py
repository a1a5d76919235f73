"""The paths that Django serves over HTTP."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from api.http import demo_page
from api.http.static_files import static_file

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="demo")),
    path("demo/", demo_page.demo, name="demo"),
    path("auth/", include("auth.urls")),
    path("admin/", admin.site.urls),
    path("static/<path:path>", static_file),
]
