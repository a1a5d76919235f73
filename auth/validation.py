"""What people may be called and which passwords they may have. All raise AuthError(BAD_INPUT, field=...)."""

import re
import unicodedata

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator

from auth.errors import AuthError, bad_field
from auth.models import USERNAME_PATTERN, User
from foundation.errors import ErrorCode

MAX_DISPLAY_NAME_LENGTH = 64
MAX_EMAIL_LENGTH = 254
MAX_AVATAR_URL_LENGTH = 500
MAX_DEVICE_LENGTH = 120

_is_email = EmailValidator()
_is_web_address = URLValidator(schemes=["http", "https"])
# Control characters, lone surrogates (which PostgreSQL and UTF-8 refuse) and line separators.
_UNFIT_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_username(text: str) -> bool:
    """Whether anybody could be called that."""
    return re.match(USERNAME_PATTERN, text) is not None


def clean_username(text: str) -> str:
    """The name as typed."""
    if not is_username(text):
        raise bad_field("username", "A username has 2 to 32 letters a to z, digits, '_', '.' or '-'.")
    return text


def clean_display_name(text: str) -> str:
    """The name without surrounding white space, 1 to 64 characters."""
    return _line("displayName", text, MAX_DISPLAY_NAME_LENGTH)


def clean_email(text: str | None) -> str | None:
    """The address as typed; none and empty are none."""
    if text is None or not text.strip():
        return None
    return _checked("email", _line("email", text, MAX_EMAIL_LENGTH), _is_email, "This is no e-mail address.")


def clean_avatar_url(text: str | None) -> str | None:
    """An http or https address; none and empty are none."""
    if text is None or not text.strip():
        return None
    line = _line("avatarUrl", text, MAX_AVATAR_URL_LENGTH)
    return _checked("avatarUrl", line, _is_web_address, "This is no http or https address.")


def clean_device(text: str) -> str:
    """What is fit to print of a User-Agent or of a given name; never refuses."""
    return "".join(character for character in text[:MAX_DEVICE_LENGTH] if character.isprintable()).strip()


def is_hashable(password: str) -> bool:
    """Whether the hasher could take it: of sane length, and text that has a UTF-8 form."""
    if len(password) > settings.MAX_PASSWORD_LENGTH:
        return False
    try:
        password.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_new_password(password: str, user: User, field: str = "password") -> None:
    """Apply Django's validators for that user; the message is their sentences."""
    limit = settings.MAX_PASSWORD_LENGTH
    if len(password) > limit:
        raise AuthError(
            ErrorCode.BAD_INPUT, f"A password has at most {limit} characters.", field=field, maxLength=limit
        )
    if not is_hashable(password):
        raise bad_field(field, "The password holds characters that are no text.")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise bad_field(field, " ".join(error.messages)) from None


def _line(field: str, text: str, limit: int) -> str:
    # The length of the raw text first: stripping ten megabytes is work for nothing.
    if len(text) > 4 * limit or len(text.strip()) > limit:
        raise AuthError(ErrorCode.BAD_INPUT, f"At most {limit} characters.", field=field, maxLength=limit)
    line = text.strip()
    if not line:
        raise bad_field(field, "This must not be empty.")
    if any(unicodedata.category(character) in _UNFIT_CATEGORIES for character in line):
        raise bad_field(field, "This holds characters that are not fit to print.")
    return line


def _checked(field: str, text: str, validator: EmailValidator | URLValidator, sentence: str) -> str:
    try:
        validator(text)
    except ValidationError:
        raise bad_field(field, sentence) from None
    return text
