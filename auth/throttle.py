"""The rate limits of logins, registrations, refreshes, password changes and tickets.

Every check raises ParlorError(RATE_LIMITED, retryAfterMs=...) above its rate.
"""

from foundation.client_address import shared_by_one_client
from foundation.rate_limits import check_rate, check_rate_in_thread

# Clients without an address (behind a proxy on a Unix socket that forwards none) share one count.
NO_ADDRESS = "unknown"


async def check_login(client_address: str | None, username: str) -> None:
    """Before a login: per address, and per username from all addresses together."""
    await check_rate("login_address", _counter_key(client_address))
    await check_rate("login_username", username.lower())


def check_login_in_thread(client_address: str | None, username: str) -> None:
    """`check_login` for synchronous code; the counts are the same."""
    check_rate_in_thread("login_address", _counter_key(client_address))
    check_rate_in_thread("login_username", username.lower())


async def check_register(client_address: str | None) -> None:
    """Before a registration."""
    await check_rate("register", _counter_key(client_address))


async def check_refresh(client_address: str | None) -> None:
    """Before a refresh token is used or a token is verified."""
    await check_rate("refresh", _counter_key(client_address))


async def check_password_change(user_id: int) -> None:
    """Before `change_password`, which tells the holder of a stolen token whether a guess was right."""
    await check_rate("password", str(user_id))


async def check_ticket(user_id: int) -> None:
    """Before a socket ticket is issued."""
    await check_rate("ticket", str(user_id))


def _counter_key(client_address: str | None) -> str:
    return shared_by_one_client(client_address) if client_address else NO_ADDRESS
