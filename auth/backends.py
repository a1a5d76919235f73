"""Logins to the admin: Django's own, under the same rate limits as every other login."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from auth import throttle
from auth.models import User
from auth.rest import address_of
from foundation.errors import ParlorError


class ThrottledBackend(ModelBackend):
    """Checks no password above the rates. Django's form then shows the message of a wrong password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The active user of that name and password. Above the rates raises PermissionDenied: no other backend runs."""
        if request is not None and username is not None:
            try:
                throttle.check_login_in_thread(address_of(request), username)
            except ParlorError as error:
                raise PermissionDenied(error.message) from None
        return super().authenticate(request, username, password, **kwargs)
