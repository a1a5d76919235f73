"""Checks usernames, display names, e-mail addresses and passwords. All raise AuthError(BAD_INPUT, field=...)."""

import re
import unicodedata

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from auth.errors import AuthError, bad_field
from auth.models import USERNAME_PATTERN, User
from foundation.errors import ErrorCode

MAX_DISPLAY_NAME_LENGTH = 64
MAX_EMAIL_LENGTH = 254
MAX_DEVICE_LENGTH = 120

_check_email = EmailValidator()
# Control characters, lone surrogates (which PostgreSQL and UTF-8 refuse) and line separators.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_username(text: str) -> bool:
    """Whether the text has the form of a username."""
    return re.match(USERNAME_PATTERN, text) is not None


def clean_username(text: str) -> str:
    """The username as typed."""
    if not is_username(text):
        raise bad_field("username", "A username has 2 to 32 letters a to z, digits, '_', '.' or '-'.")
    return text


def clean_display_name(text: str) -> str:
    """The display name without surrounding white space, 1 to 64 characters."""
    return _line("displayName", text, MAX_DISPLAY_NAME_LENGTH)


def clean_email(text: str | None) -> str | None:
    """The e-mail address as typed; None for None and for an empty text."""
    if text is None or not text.strip():
        return None
    line = _line("email", text, MAX_EMAIL_LENGTH)
    try:
        _check_email(line)
    except ValidationError:
        raise bad_field("email", "This is not an e-mail address.") from None
    return line


def clean_device(text: str) -> str:
    """The printable characters of a User-Agent or of a given name, cut to length; never refuses."""
    return "".join(character for character in text[:MAX_DEVICE_LENGTH] if character.isprintable()).strip()


def is_hashable(password: str) -> bool:
    """Whether the hasher can take the password: not too long, and encodable as UTF-8."""
    if len(password) > settings.MAX_PASSWORD_LENGTH:
        return False
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_new_password(password: str, user: User, field: str = "password") -> None:
    """Apply Django's validators for that user; the error's message joins their sentences."""
    limit = settings.MAX_PASSWORD_LENGTH
    if len(password) > limit:
        raise AuthError(
            ErrorCode.BAD_INPUT, f"A password has at most {limit} characters.", field=field, maxLength=limit
        )
    if not is_hashable(password):
        raise bad_field(field, "The password contains characters that are not text.")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise bad_field(field, " ".join(error.messages)) from None


def _line(field: str, text: str, limit: int) -> str:
    # The length of the raw text first: stripping ten megabytes would be wasted work.
    if len(text) > 4 * limit or len(text.strip()) > limit:
        raise AuthError(ErrorCode.BAD_INPUT, f"At most {limit} characters.", field=field, maxLength=limit)
    line = text.strip()
    if not line:
        raise bad_field(field, "This must not be empty.")
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in line):
        raise bad_field(field, "This contains characters that cannot be printed.")
    return line
