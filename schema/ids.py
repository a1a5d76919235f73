"""Encodes and decodes global ids: opaque to clients, a type and a key inside (Relay, Global Object Identification)."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from foundation.errors import ErrorCode, ParlorError

MAX_KEY = 2**63 - 1


def encode_id(type_name: str, key: int) -> str:
    """The global id of the `type_name` whose primary key is `key`."""
    return b64encode(f"{type_name}:{key}".encode()).decode()


def decode_id(type_name: str, value: str) -> int:
    """The primary key in a global id of `type_name`. Raises NOT_FOUND for any other text."""
    found, key = split_id(value)
    if found != type_name:
        raise not_found(type_name)
    return key


def split_id(value: str) -> tuple[str, int]:
    """The type's name and the primary key in a global id, or ("", 0) for any other text."""
    try:
        type_name, _, key = b64decode(value.encode(), validate=True).decode().partition(":")
        number = int(key) if key.isascii() and key.isdigit() and len(key) < 20 else 0
    except (Base64Error, UnicodeError):
        return ("", 0)
    return (type_name, number) if 0 < number <= MAX_KEY else ("", 0)


def encode_text_id(type_name: str, key: str) -> str:
    """The global id of something outside the database, such as a socket, whose key is a text."""
    return b64encode(f"{type_name}:{key}".encode()).decode()


def decode_text_id(type_name: str, value: str) -> str:
    """The text key in such an id. Raises NOT_FOUND for any other text."""
    try:
        found, _, key = b64decode(value.encode(), validate=True).decode().partition(":")
    except (Base64Error, UnicodeError):
        found = key = ""
    if found != type_name or not key:
        raise not_found(type_name)
    return key


def not_found(type_name: str) -> ParlorError:
    """The same error for what does not exist and for what the viewer may not know of."""
    return ParlorError(ErrorCode.NOT_FOUND, f"There is no such {type_name.lower()}.")
