"""Finds the client's address of a request, behind trusted proxies or not."""

import functools
import ipaddress

from django.conf import settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str | None, forwarded_for: str | None) -> str | None:
    """The client's address: the peer's own, or the one that trusted proxies wrote into `X-Forwarded-For`.

    Each proxy appends the address that it saw. So the list is read from its end, as long as the writer of an entry is
    in TRUSTED_PROXIES: the client may have invented the entries further left. None for a peer without an address (a
    Unix socket), which TRUSTED_PROXIES cannot name.
    """
    address = peer
    entries = [entry.strip() for entry in (forwarded_for or "").split(",")]
    while address is not None and _is_trusted(address) and entries:
        entry = entries.pop()
        if _parsed(entry) is None:
            break
        address = entry
    return address


def shared_by_one_client(address: str) -> str:
    """The key to count an address under: itself or, for IPv6, its /64 network, all of which belongs to one client."""
    parsed = _parsed(address)
    if not isinstance(parsed, ipaddress.IPv6Address):
        return address if parsed is None else str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _is_trusted(address: str) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(
        parsed in network for network in _networks(tuple(settings.TRUSTED_PROXIES))
    )


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket shows an IPv4 peer as ::ffff:192.0.2.1.
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


@functools.lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)
