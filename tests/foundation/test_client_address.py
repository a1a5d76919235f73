"""The client's address: only what trusted proxies wrote into the header counts."""

import pytest
from django.conf import LazySettings

from foundation.client_address import client_address, shared_by_one_client

CLIENT, PROXY, INNER, STRANGER = "198.51.100.7", "10.0.0.1", "2001:db8::1", "203.0.113.9"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        (CLIENT, None, CLIENT),
        (CLIENT, STRANGER, CLIENT),
        (PROXY, None, PROXY),
        (PROXY, "", PROXY),
        (PROXY, CLIENT, CLIENT),
        (PROXY, f" {CLIENT} ", CLIENT),
        (PROXY, f"{STRANGER}, {CLIENT}", CLIENT),
        (PROXY, f"{STRANGER},{CLIENT}, {INNER}", CLIENT),
        (PROXY, f"{CLIENT}, {INNER},10.9.9.9", CLIENT),
        (PROXY, INNER, INNER),
        (PROXY, f"{CLIENT}, unknown", PROXY),
        (PROXY, f"unknown, {CLIENT}", CLIENT),
        (PROXY, f"{CLIENT}, {INNER}, 10.9.9.9:80", PROXY),
        (PROXY, ",,,", PROXY),
        (PROXY, "\x00", PROXY),
        (f"::ffff:{PROXY}", CLIENT, CLIENT),
        (None, CLIENT, None),
        ("not an address", CLIENT, "not an address"),
    ],
)
def test_the_list_is_read_from_its_end(
    settings: LazySettings, peer: str | None, forwarded_for: str | None, address: str | None
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", INNER]
    assert client_address(peer, forwarded_for) == address


def test_without_trusted_proxies_the_header_is_ignored(settings: LazySettings) -> None:
    settings.TRUSTED_PROXIES = []
    assert client_address(PROXY, CLIENT) == PROXY


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        (CLIENT, CLIENT),
        (f"::ffff:{CLIENT}", CLIENT),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff::7", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::7", "2001:db8:0:2::/64"),
        ("not an address", "not an address"),
    ],
)
def test_all_addresses_of_one_client_count_as_one(address: str, counted: str) -> None:
    assert shared_by_one_client(address) == counted
