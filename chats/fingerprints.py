"""Fingerprints of what a `clientId` was first used for: they tell a retry from a conflict.

A fingerprint is a keyed hash. It stays valid after the text was edited or deleted, and does not reveal deleted text.
"""

import hashlib
import hmac

import msgspec
from django.conf import settings
from django.utils.encoding import force_bytes

Part = str | int | None | list[int]

_PURPOSE = b"chats.fingerprints"


def fingerprint(*content: Part) -> bytes:
    """The fingerprint of `content` under the current `SECRET_KEY`, 32 bytes."""
    return _digest(settings.SECRET_KEY, content)


def is_same(stored: bytes | memoryview | None, *content: Part) -> bool:
    """Whether `stored` is the fingerprint of `content` under `SECRET_KEY` or one of `SECRET_KEY_FALLBACKS`."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return stored is not None and any(
        hmac.compare_digest(bytes(stored), _digest(key, content)) for key in keys
    )


def _digest(key: str | bytes, content: tuple[Part, ...]) -> bytes:
    return hmac.digest(
        hashlib.sha256(_PURPOSE + force_bytes(key)).digest(), msgspec.json.encode(content), "sha256"
    )
