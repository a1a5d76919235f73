"""Who is speaking: the frozen identity that a verified access token stands for."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """A user as one access token names them. Nothing in it comes from the database.

    `expires_at` and `issued_at` are UTC; `epoch` is the user's token epoch when the token was made.
    """

    user_id: int
    session_id: str
    token_id: str
    expires_at: datetime
    issued_at: datetime
    epoch: int = 0
