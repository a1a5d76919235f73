"""The rate limits of identity: which addresses share a count."""

import pytest
from django.conf import LazySettings

from auth import throttle
from foundation.errors import ErrorCode, ParlorError


async def test_the_addresses_of_one_ipv6_network_share_a_count(
    settings: LazySettings,
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "register": "2/hour"}
    await throttle.check_register("2001:db8:77:1::1")
    await throttle.check_register("2001:db8:77:1::2")
    with pytest.raises(ParlorError) as caught:
        await throttle.check_register("2001:db8:77:1:ffff::3")
    assert caught.value.code is ErrorCode.RATE_LIMITED
    await throttle.check_register("2001:db8:77:2::1")
