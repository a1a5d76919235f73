"""Keep-alive, the token's life, supersession, revocation."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from api.socket.close_codes import MAX_REASON_BYTES, CloseCode, cut_reason
from foundation.errors import ParlorError
from schema.socket_notices import ClosingNotice, Notice, NoticeReason, TokenExpiry
from tests.api.socket.fakes import Bench, bench, identity

# What the graphql-ws client never retries (its README, «Retry»).
FATAL = {4400, 4401, 4406, 4409, 4429, 4500, 4004, 4005}
RETRIED_1XXX = {1000, 1001, 1005, 1006, 1012, 1013, 1014}


@pytest.mark.parametrize("code", list(CloseCode), ids=lambda code: code.name)
def test_codes_do_to_the_graphql_ws_client_what_they_say(code: CloseCode) -> None:
    assert len(code.meaning.encode()) <= MAX_REASON_BYTES
    assert code.meaning.endswith(".")
    if code is not CloseCode.NORMAL:
        fatal = code in FATAL or (1000 <= code < 2000 and code not in RETRIED_1XXX)
        assert code.retry is not fatal


@pytest.mark.parametrize("letter", ["x", "é", "ж", "語", "😀"])
@pytest.mark.parametrize("shift", range(4))
def test_a_reason_is_cut_at_the_end_of_a_character(letter: str, shift: int) -> None:
    cut = cut_reason("." * shift + letter * 200)
    assert MAX_REASON_BYTES - 3 <= len(cut.encode()) <= MAX_REASON_BYTES
    assert cut == "." * shift + letter * (len(cut) - shift)
    assert cut_reason("short") == "short"


async def test_the_server_pings() -> None:
    one = bench(keep_alive_seconds=0.02)
    await one.wire.until(lambda wire: {"type": "ping"} in wire.frames)
    assert one.wire.closed is None


async def test_a_peer_that_is_silent_for_two_rounds_is_closed() -> None:
    one = bench(keep_alive_seconds=0.02)
    assert (await one.wire.until_closed())[0] == 4451
    assert one.wire.frames == [{"type": "ping"}] * 2


@pytest.mark.parametrize("answer", [{"type": "pong"}, {"type": "ping"}, {"id": "x", "type": "complete"}])
async def test_a_peer_that_sends_anything_lives(answer: object) -> None:
    one = bench(keep_alive_seconds=0.02)
    for _ in range(5):
        await one.wire.until(lambda wire: {"type": "ping"} in wire.frames)
        one.wire.frames.clear()
        one.send(answer)
    assert one.wire.closed is None


def watched(one: Bench) -> list[Notice]:
    seen: list[Notice] = []
    one.connection.watch(seen.append)
    return seen


async def with_token(seconds: float, **limits: float) -> Bench:
    one = bench(None, **limits)
    one.gate.identity = identity(seconds=seconds)
    return await one.ready()


async def test_the_end_of_a_token_is_announced_and_closes_4403() -> None:
    one = await with_token(0.2, token_expiry_notice_seconds=0.15)
    seen = watched(one)
    await one.wire.until(lambda wire: wire.frames)
    expires_at = one.gate.identity.expires_at
    stamp = expires_at.isoformat().replace("+00:00", "Z")
    assert one.wire.frames == [{"type": "ping", "payload": {"reauthenticate": {"expiresAt": stamp}}}]
    code, reason = await one.wire.until_closed()
    assert (code, reason) == (4403, "Forbidden: the access token has expired.")
    assert datetime.now(UTC) >= expires_at
    assert seen == [TokenExpiry(expires_at), ClosingNotice(NoticeReason.SIGNED_OUT)]


async def test_a_short_token_is_announced_at_once() -> None:
    one = await with_token(30)
    await one.wire.until(lambda wire: wire.frames)
    assert "reauthenticate" in one.wire.frames[0]["payload"]


async def test_a_renewed_token_moves_the_end() -> None:
    one = await with_token(0.1, token_expiry_notice_seconds=0.05)
    newer = identity(seconds=3600)
    await one.connection.renew(newer)
    await asyncio.sleep(0.2)
    assert one.wire.frames == []
    assert one.wire.closed is None
    assert one.connection.identity is newer
    assert one.sockets.refreshed == 1


async def test_another_users_token_is_forbidden_and_the_socket_lives() -> None:
    one = await with_token(3600)
    before = one.connection.identity
    with pytest.raises(ParlorError) as caught:
        await one.connection.renew(identity(user_id=2))
    assert caught.value.code.value == "FORBIDDEN"
    assert one.connection.identity is before
    assert one.wire.closed is None


async def test_a_token_without_an_end_in_sight_needs_no_timer_trick() -> None:
    one = await with_token(timedelta(days=3650).total_seconds())
    assert one.wire.closed is None


@pytest.mark.parametrize(
    ("act", "code", "reason", "notice"),
    [
        ("supersede", 1008, "Superseded by a newer socket.", NoticeReason.SUPERSEDED),
        ("close_by_user", 1008, "Closed by its user.", NoticeReason.SIGNED_OUT),
        ("revoke", 4403, "Forbidden: signed out.", NoticeReason.SIGNED_OUT),
    ],
)
async def test_a_socket_is_told_why_it_goes(act: str, code: int, reason: str, notice: NoticeReason) -> None:
    one = await bench().ready()
    live = await one.feed()
    seen: list[object] = []

    def listen(told: Notice) -> None:
        seen.append(told)
        live.outlet.next(b'{"data":"notice"}')

    one.connection.watch(listen)
    getattr(one.connection, act)()
    assert one.wire.closed == (code, reason)
    assert seen == [ClosingNotice(notice)]
    assert one.wire.of("1")[-1]["payload"] == {"data": "notice"}
    getattr(one.connection, act)()
    assert len(seen) == 1


async def test_a_slow_consumer_is_told_too() -> None:
    one = await bench(max_unsent_bytes=8000).ready()
    live = await one.feed()
    one.connection.watch(lambda told: live.outlet.next(b'{"data":"%s"}' % str(told).encode()))
    while one.wire.closed is None:
        live.outlet.next(b'"' + b"x" * 500 + b'"')
    assert one.wire.code == 4450
    told = [frame for frame in one.wire.of("1") if "SLOW_CONSUMER" in str(frame)]
    assert told == one.wire.of("1")[-1:]


async def test_a_restart_is_announced_before_it_comes() -> None:
    one = await bench().ready()
    seen = watched(one)
    one.connection.announce_restart(1500)
    assert one.wire.closed is None
    one.connection.restart()
    assert one.wire.code == 1012
    assert seen == [ClosingNotice(NoticeReason.RESTARTING, 1500)]


async def test_a_listener_that_left_or_fails_harms_nobody() -> None:
    one = await bench().ready()
    left: list[Notice] = []
    leave = one.connection.watch(left.append)

    def fail(_notice: Notice) -> None:
        raise ZeroDivisionError

    one.connection.watch(fail)
    seen = watched(one)
    leave()
    leave()
    one.connection.revoke()
    assert (left, len(seen), one.wire.code) == ([], 1, 4403)


async def test_a_closed_socket_holds_no_timer() -> None:
    one = await bench().ready()
    live = await one.feed()
    while live.outlet.open:
        live.outlet.next(b'"' + b"x" * 500 + b'"')
    one.connection.revoke()
    loop = asyncio.get_running_loop()
    waiting = [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    mine = [timer for timer in waiting if "api.socket" in repr(timer) or "Connection" in repr(timer)]
    assert mine == []
