"""Rate limits: shared by all processes, with a time to come back, and off while Redis is away."""

import asyncio
from unittest import mock

import pytest
from django.conf import LazySettings
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from foundation import rate_limits
from foundation.errors import ErrorCode, ParlorError
from foundation.per_loop import PerLoop
from foundation.rate_limits import check_rate, check_rate_in_thread
from foundation.redis import async_redis


@pytest.fixture(autouse=True)
def _rates(settings: LazySettings) -> None:
    settings.RATE_LIMITS = {"login": "3/minute", "send": "2/10 seconds", "other": "3/minute"}


async def refused(*arguments: str) -> dict[str, object]:
    with pytest.raises(ParlorError) as caught:
        await check_rate(*arguments)
    assert caught.value.code is ErrorCode.RATE_LIMITED
    return dict(caught.value.data)


async def test_a_refusal_says_when_to_come_back() -> None:
    for _ in range(3):
        await check_rate("login", "192.0.2.1")
    data = await refused("login", "192.0.2.1")
    assert data.keys() == {"retryAfterMs"}
    assert isinstance(data["retryAfterMs"], int)
    assert 58_000 < data["retryAfterMs"] <= 60_000


async def test_each_name_and_key_has_a_count_of_its_own() -> None:
    for _ in range(3):
        await check_rate("login", "a", "b")
    await refused("login", "a", "b")
    for arguments in (("login", "a"), ("login", "a", "c"), ("login", "ab"), ("other", "a", "b"), ("login",)):
        await check_rate(*arguments)


async def test_the_window_moves() -> None:
    """The test moves `time.time`, which the library reads."""
    now = 1_800_000_000.0
    with mock.patch("time.time", side_effect=lambda: now):
        await check_rate("send", "7")
        now += 6
        await check_rate("send", "7")
        now += 3
        assert await refused("send", "7") == {"retryAfterMs": 1000}
        now += 1.5
        await check_rate("send", "7")
        assert await refused("send", "7") == {"retryAfterMs": 5500}


async def test_refused_uses_do_not_count() -> None:
    now = 1_800_000_000.0
    with mock.patch("time.time", side_effect=lambda: now):
        for _ in range(2):
            await check_rate("send", "7")
        for _ in range(5):
            await refused("send", "7")
        now += 10.001
        await check_rate("send", "7")


async def test_concurrent_uses_are_counted_exactly() -> None:
    answers = await asyncio.gather(*(check_rate("login", "x") for _ in range(100)), return_exceptions=True)
    assert answers.count(None) == 3


async def test_another_process_sees_the_same_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await check_rate("login", "x")
    monkeypatch.setattr(rate_limits, "_limiter", PerLoop(rate_limits._make_limiter))
    await refused("login", "x")


async def test_threads_and_loops_see_the_same_count() -> None:
    for _ in range(2):
        await check_rate("login", "x")
    check_rate_in_thread("login", "x")
    await refused("login", "x")
    with pytest.raises(ParlorError) as caught:
        check_rate_in_thread("login", "x")
    assert caught.value.code is ErrorCode.RATE_LIMITED
    assert 58_000 < int(str(caught.value.data["retryAfterMs"])) <= 60_000


@pytest.mark.parametrize(
    "key", ["", "\x00", "\ud800", "x" * 1_000_000, "a b:c/d*", "\u0130"], ids=lambda key: ascii(key)[:20]
)
async def test_any_key_works_and_is_not_readable_in_redis(key: str) -> None:
    for _ in range(3):
        await check_rate("login", key)
    await refused("login", key)
    (stored,) = [name async for name in async_redis().scan_iter("*")]
    assert len(stored) < 100
    assert not key or key.encode("utf-8", "surrogatepass") not in stored


async def test_counts_expire() -> None:
    await check_rate("login", "x")
    (stored,) = [name async for name in async_redis().scan_iter("*")]
    assert 0 < await async_redis().ttl(stored) <= 60


async def test_limits_can_be_switched_off(settings: LazySettings) -> None:
    settings.RATE_LIMITS_ENABLED = False
    for _ in range(10):
        await check_rate("login", "x")
    assert [name async for name in async_redis().scan_iter("*")] == []


async def test_a_name_without_a_rate_is_an_error() -> None:
    with pytest.raises(KeyError):
        await check_rate("lgoin", "x")


async def test_a_check_is_one_round_trip() -> None:
    await check_rate("login", "x")
    client = rate_limits._limiter().storage.bridge.storage  # type: ignore[attr-defined]
    with mock.patch.object(client, "execute_command", wraps=client.execute_command) as commands:
        await check_rate("login", "x")
    assert [call.args[0] for call in commands.call_args_list] == ["EVALSHA"]


def limiter_without_redis() -> MovingWindowRateLimiter:
    storage = RedisStorage("redis://127.0.0.1:1", implementation="redispy")
    return MovingWindowRateLimiter(storage)


async def test_without_redis_every_use_is_allowed_and_it_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rate_limits._outage._is_out = False
    limiter = limiter_without_redis()
    with mock.patch.object(rate_limits, "_limiter", return_value=limiter):
        for _ in range(10):
            await check_rate("login", "x")
    await check_rate("login", "x")
    logged = [record.getMessage() for record in caplog.records if record.name == "foundation.rate_limits"]
    assert logged == [
        "Rate limits are off while Redis is out of reach. (ConnectionError)",
        "Recovered: rate limits are on.",
    ]
