"""Logins to the admin: Django's own, at the rates of every other login."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from auth import throttle
from auth.models import User
from auth.rest import address_of
from foundation.errors import ParlorError


class ThrottledBackend(ModelBackend):
    """Looks at no password above the rates. Django's form then says what it says of a wrong one."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The active user of that name and password. Raises PermissionDenied: no other backend is asked."""
        if request is not None and username is not None:
            try:
                throttle.check_login_in_thread(address_of(request), username)
            except ParlorError as error:
                raise PermissionDenied(error.message) from None
        return super().authenticate(request, username, password, **kwargs)
