"""The settings of servers under test: the real ones, but with a cheap password hash."""

from api.settings import *  # noqa: F403 - all of them

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
