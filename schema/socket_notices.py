"""What a socket tells the operations that watch it (`connectionFeed`): its token's end, and why it will be closed."""

import enum
from dataclasses import dataclass
from datetime import datetime


class NoticeReason(enum.Enum):
    """Why the socket will be closed; the names of the schema's ConnectionNoticeReason."""

    RESTARTING = "RESTARTING"
    SUPERSEDED = "SUPERSEDED"
    SIGNED_OUT = "SIGNED_OUT"
    SLOW_CONSUMER = "SLOW_CONSUMER"


@dataclass(frozen=True, slots=True)
class TokenExpiry:
    """The socket's token ends at `expires_at` (UTC): renew it, or be closed."""

    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ClosingNotice:
    """The socket is about to be closed; connect again after `reconnect_after_ms`, or not at all when it is None."""

    reason: NoticeReason
    reconnect_after_ms: int | None = None


Notice = TokenExpiry | ClosingNotice
