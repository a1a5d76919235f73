"""The notices that a socket sends to its `connectionFeed`: its token ends soon, or why it is about to be closed."""

import enum
from dataclasses import dataclass
from datetime import datetime


class NoticeReason(enum.Enum):
    """Why the socket is about to be closed; the names are those of the schema's ConnectionNoticeReason."""

    RESTARTING = "RESTARTING"
    SUPERSEDED = "SUPERSEDED"
    SIGNED_OUT = "SIGNED_OUT"
    SLOW_CONSUMER = "SLOW_CONSUMER"


@dataclass(frozen=True, slots=True)
class TokenExpiry:
    """The socket's token ends at `expires_at` (UTC). Without a renewal the socket is closed then."""

    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ClosingNotice:
    """The socket is about to be closed. `reconnect_after_ms` is when to connect again; None leaves it to the reason."""

    reason: NoticeReason
    reconnect_after_ms: int | None = None


Notice = TokenExpiry | ClosingNotice
