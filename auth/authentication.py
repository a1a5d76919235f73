"""The three checks of an identity as one module: an access token, a ticket, and a later check of a known identity."""

from auth.identity import authenticate, require_current
from auth.tickets import redeem_ticket

__all__ = ["authenticate", "redeem_ticket", "require_current"]
