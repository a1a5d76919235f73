"""Health checks: one run serves all callers, and a check that hangs fails in time."""

import asyncio

import pytest
from pytest_django import Settings

from api.process.health import Probe


class FakeCheck:
    """A check that the test can block or fail."""

    def __init__(self) -> None:
        self.count = 0
        self.error: Exception | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self) -> None:
        """Run the check."""
        self.count += 1
        await self.free.wait()
        if self.error is not None:
            raise self.error


async def test_a_thousand_callers_share_one_check(settings: Settings) -> None:
    settings.HEALTH_CACHE_SECONDS = 3600
    check = FakeCheck()
    probe = Probe("it", check)
    assert await asyncio.gather(*(probe.passes() for _ in range(1000))) == [True] * 1000
    assert await probe.passes()
    assert check.count == 1


async def test_a_result_is_reused_for_a_limited_time(settings: Settings) -> None:
    settings.HEALTH_CACHE_SECONDS = 0.001
    check = FakeCheck()
    probe = Probe("it", check)
    assert await probe.passes()
    check.error = OSError("secret address")
    await asyncio.sleep(0.01)
    assert not await probe.passes()
    assert check.count == 2


async def test_a_check_that_hangs_fails_and_is_not_started_again(settings: Settings) -> None:
    settings.HEALTH_CACHE_SECONDS = 3600
    settings.HEALTH_TIMEOUT_SECONDS = 0.01
    check = FakeCheck()
    check.free.clear()
    probe = Probe("it", check)
    assert [await probe.passes() for _ in range(3)] == [False] * 3
    assert check.count == 1
    check.free.set()
    settings.HEALTH_TIMEOUT_SECONDS = 30
    assert await probe.passes()
    assert check.count == 1


async def test_an_outage_is_logged_once_and_without_its_text(
    caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.HEALTH_CACHE_SECONDS = 1e-9
    check = FakeCheck()
    check.error = OSError("redis://:hunter2@host")
    probe = Probe("redis", check)
    assert [await probe.passes() for _ in range(3)] == [False] * 3
    check.error = None
    assert await probe.passes()
    assert [record.getMessage() for record in caplog.records] == [
        "Not ready: the redis check fails. (OSError)",
        "Recovered: the redis check passes again.",
    ]
