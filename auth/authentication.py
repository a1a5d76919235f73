"""The ways to prove who one is, in one place: an access token, a ticket, and a second look at a known identity."""

from auth.identity import authenticate, require_current
from auth.tickets import redeem_ticket

__all__ = ["authenticate", "redeem_ticket", "require_current"]
