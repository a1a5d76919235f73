"""The settings of a server under test: those of life, but for the price of a password."""

from api.settings import *  # noqa: F403 - all of them

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
