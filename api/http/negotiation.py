"""Chooses the format of the answer by the `Accept` header (RFC 9110, 12.5.1)."""

import enum
import functools
from dataclasses import dataclass

MAX_CACHED_HEADER_CHARACTERS = 512
MAX_RANGES = 64


class Format(enum.Enum):
    """A format of answers. The value is the media type that is matched and sent."""

    JSON = "application/json"
    GRAPHQL_RESPONSE = "application/graphql-response+json"
    EVENT_STREAM = "text/event-stream"
    MULTIPART = "multipart/mixed"
    HTML = "text/html"


# In order of preference for a wildcard: `*/*` and a missing header mean JSON for a result, server-sent events for a
# subscription.
RESULTS = (Format.JSON, Format.GRAPHQL_RESPONSE, Format.EVENT_STREAM, Format.MULTIPART)
STREAMS = (Format.EVENT_STREAM, Format.MULTIPART)


@dataclass(frozen=True, slots=True)
class _Range:
    """One media range of an Accept header."""

    kind: str
    parameters: tuple[tuple[str, str], ...]
    quality: float
    position: int

    def specificity(self, offer: Format) -> int:
        """How closely the range matches the offer: 0 not at all, 1 by `*/*`, 2 by `type/*`, 3 by name."""
        if self.kind == "*/*":
            # Clients that understand the multipart protocol name it; others could not read the parts.
            return 0 if offer is Format.MULTIPART else 1
        if self.kind == offer.value.partition("/")[0] + "/*":
            return 0 if offer is Format.MULTIPART else 2
        if self.kind != offer.value:
            return 0
        parameters = dict(self.parameters)
        if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            return 0
        if offer is Format.MULTIPART and parameters.get("subscriptionspec") != "1.0":
            return 0  # `deferSpec` and other dialects of multipart/mixed
        return 3


def negotiate(accept: str | None, offers: tuple[Format, ...]) -> Format | None:
    """The offer that the client prefers; None when it accepts none (406).

    Among equal qualities the one listed first wins, then the order of `offers`.
    """
    if not accept or not accept.strip():
        return offers[0]
    if len(accept) > MAX_CACHED_HEADER_CHARACTERS:
        return _choose(accept, offers)
    return _choose_cached(accept, offers)


def _choose(accept: str, offers: tuple[Format, ...]) -> Format | None:
    ranges = [
        _parse(text, position) for position, text in enumerate(accept.split(",", MAX_RANGES)[:MAX_RANGES])
    ]
    best: tuple[float, int, int] | None = None
    chosen = None
    for order, offer in enumerate(offers):
        matches = [(found.specificity(offer), -found.position, found) for found in ranges if found]
        specificity, _, closest = max(matches, key=lambda match: match[:2], default=(0, 0, None))
        if not specificity or closest is None or closest.quality <= 0:
            continue
        rank = (closest.quality, -closest.position, -order)
        if best is None or rank > best:
            best, chosen = rank, offer
    return chosen


_choose_cached = functools.lru_cache(maxsize=256)(_choose)


def _parse(text: str, position: int) -> _Range | None:
    """One media range; None for an empty or malformed one, which is skipped."""
    kind, *rest = (part.strip() for part in text.split(";"))
    kind = kind.lower()
    if "/" not in kind:
        return None
    parameters = []
    quality = 1.0
    for part in rest:
        name, _, value = part.partition("=")
        name, value = name.strip().lower(), value.strip().strip('"')
        if name == "q":
            quality = _quality(value)
        else:
            parameters.append((name, value))
    return _Range(kind, tuple(parameters), quality, position)


def _quality(value: str) -> float:
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0  # also refuses NaN
