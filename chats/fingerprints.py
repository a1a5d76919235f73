"""What a `clientId` was first used for, kept as a keyed hash: a retry is told from a conflict even after the text has
been edited or deleted, and the deleted text cannot be guessed from what is left."""

import hashlib
import hmac

import msgspec
from django.conf import settings
from django.utils.encoding import force_bytes

Part = str | int | None

_PURPOSE = b"chats.fingerprints"


def fingerprint(*content: Part | list[int]) -> bytes:
    """32 bytes that stand for `content`, under the `SECRET_KEY` of now."""
    return _digest(settings.SECRET_KEY, content)


def is_same(kept: bytes | memoryview | None, *content: Part | list[int]) -> bool:
    """Whether `kept` stands for `content`, under the `SECRET_KEY` of now or one of `SECRET_KEY_FALLBACKS`."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return kept is not None and any(hmac.compare_digest(bytes(kept), _digest(key, content)) for key in keys)


def _digest(key: str | bytes, content: tuple[Part | list[int], ...]) -> bytes:
    return hmac.digest(
        hashlib.sha256(_PURPOSE + force_bytes(key)).digest(), msgspec.json.encode(content), "sha256"
    )
