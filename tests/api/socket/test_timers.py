"""Keep-alive, the life of the token, supersession, revocation."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from api.socket.close_codes import MAX_REASON_BYTES, CloseCode, cut_reason
from foundation.errors import ParlorError
from schema.socket_notices import ClosingNotice, Notice, NoticeReason, TokenExpiry
from tests.api.socket.fakes import Bench, bench, identity

# The codes that the graphql-ws client never retries (its README, «Retry»).
FATAL = {4400, 4401, 4406, 4409, 4429, 4500, 4004, 4005}
RETRIED_1XXX = {1000, 1001, 1005, 1006, 1012, 1013, 1014}


@pytest.mark.parametrize("code", list(CloseCode), ids=lambda code: code.name)
def test_the_graphql_ws_client_treats_each_code_as_its_retry_says(code: CloseCode) -> None:
    assert len(code.meaning.encode()) <= MAX_REASON_BYTES
    assert code.meaning.endswith(".")
    if code is not CloseCode.NORMAL:
        fatal = code in FATAL or (1000 <= code < 2000 and code not in RETRIED_1XXX)
        assert code.retry is not fatal


@pytest.mark.parametrize("letter", ["x", "é", "ж", "語", "😀"])
@pytest.mark.parametrize("shift", range(4))
def test_a_reason_is_cut_between_characters(letter: str, shift: int) -> None:
    cut = cut_reason("." * shift + letter * 200)
    assert MAX_REASON_BYTES - 3 <= len(cut.encode()) <= MAX_REASON_BYTES
    assert cut == "." * shift + letter * (len(cut) - shift)
    assert cut_reason("short") == "short"


async def test_the_server_pings() -> None:
    one = bench(keep_alive_seconds=0.02)
    await one.writer.until(lambda writer: {"type": "ping"} in writer.frames)
    assert one.writer.closed is None


async def test_a_client_that_is_silent_for_two_rounds_is_closed() -> None:
    one = bench(keep_alive_seconds=0.02)
    assert (await one.writer.until_closed())[0] == 4451
    assert one.writer.frames == [{"type": "ping"}] * 2


@pytest.mark.parametrize("answer", [{"type": "pong"}, {"type": "ping"}, {"id": "x", "type": "complete"}])
async def test_a_client_that_sends_anything_stays_open(answer: object) -> None:
    one = bench(keep_alive_seconds=0.02)
    for _ in range(5):
        await one.writer.until(lambda writer: {"type": "ping"} in writer.frames)
        one.writer.frames.clear()
        one.send(answer)
    assert one.writer.closed is None


def watched(one: Bench) -> list[Notice]:
    """The notices of the socket, as they come."""
    seen: list[Notice] = []
    one.socket.watch(seen.append)
    return seen


async def with_token(seconds: float, **limits: float) -> Bench:
    one = bench(None, **limits)
    one.authenticator.identity = identity(seconds=seconds)
    return await one.ready()


async def test_the_end_of_a_token_is_announced_and_closes_4403() -> None:
    one = await with_token(0.2, token_expiry_notice_seconds=0.15)
    seen = watched(one)
    await one.writer.until(lambda writer: writer.frames)
    expires_at = one.authenticator.identity.expires_at
    stamp = expires_at.isoformat().replace("+00:00", "Z")
    assert one.writer.frames == [{"type": "ping", "payload": {"reauthenticate": {"expiresAt": stamp}}}]
    code, reason = await one.writer.until_closed()
    assert (code, reason) == (4403, "Forbidden: the access token has expired.")
    assert datetime.now(UTC) >= expires_at
    assert seen == [TokenExpiry(expires_at), ClosingNotice(NoticeReason.SIGNED_OUT)]


async def test_the_end_of_a_short_token_is_announced_at_once() -> None:
    one = await with_token(30)
    await one.writer.until(lambda writer: writer.frames)
    assert "reauthenticate" in one.writer.frames[0]["payload"]


async def test_a_renewed_token_extends_the_socket() -> None:
    one = await with_token(0.1, token_expiry_notice_seconds=0.05)
    newer = identity(seconds=3600)
    await one.socket.renew(newer)
    await asyncio.sleep(0.2)
    assert one.writer.frames == []
    assert one.writer.closed is None
    assert one.socket.identity is newer
    assert one.registry.refreshed == 1


async def test_another_users_token_is_forbidden_and_the_socket_stays_open() -> None:
    one = await with_token(3600)
    before = one.socket.identity
    with pytest.raises(ParlorError) as caught:
        await one.socket.renew(identity(user_id=2))
    assert caught.value.code.value == "FORBIDDEN"
    assert one.socket.identity is before
    assert one.writer.closed is None


async def test_a_token_may_live_for_years() -> None:
    one = await with_token(timedelta(days=3650).total_seconds())
    assert one.writer.closed is None


@pytest.mark.parametrize(
    ("act", "code", "reason", "expected"),
    [
        ("close_superseded", 1008, "Superseded by a newer socket.", NoticeReason.SUPERSEDED),
        ("close_by_user", 1008, "Closed by its user.", NoticeReason.SIGNED_OUT),
        ("close_revoked", 4403, "Forbidden: signed out.", NoticeReason.SIGNED_OUT),
    ],
)
async def test_a_socket_is_notified_why_it_closes(
    act: str, code: int, reason: str, expected: NoticeReason
) -> None:
    one = await bench().ready()
    live = await one.feed()
    seen: list[object] = []

    def listen(notice: Notice) -> None:
        seen.append(notice)
        live.outlet.next(b'{"data":"notice"}')

    one.socket.watch(listen)
    getattr(one.socket, act)()
    assert one.writer.closed == (code, reason)
    assert seen == [ClosingNotice(expected)]
    assert one.writer.of("1")[-1]["payload"] == {"data": "notice"}
    getattr(one.socket, act)()
    assert len(seen) == 1


async def test_a_slow_consumer_is_notified_too() -> None:
    one = await bench(max_unsent_bytes=8000).ready()
    live = await one.feed()
    one.socket.watch(lambda notice: live.outlet.next(b'{"data":"%s"}' % str(notice).encode()))
    while one.writer.closed is None:
        live.outlet.next(b'"' + b"x" * 500 + b'"')
    assert one.writer.code == 4450
    notices = [frame for frame in one.writer.of("1") if "SLOW_CONSUMER" in str(frame)]
    assert notices == one.writer.of("1")[-1:]


async def test_a_restart_is_announced_before_the_close() -> None:
    one = await bench().ready()
    seen = watched(one)
    one.socket.announce_restart(1500)
    assert one.writer.closed is None
    one.socket.close_for_restart()
    assert one.writer.code == 1012
    assert seen == [ClosingNotice(NoticeReason.RESTARTING, 1500)]


async def test_a_removed_or_failing_listener_harms_no_other() -> None:
    one = await bench().ready()
    left: list[Notice] = []
    leave = one.socket.watch(left.append)

    def fail(_notice: Notice) -> None:
        raise ZeroDivisionError

    one.socket.watch(fail)
    seen = watched(one)
    leave()
    leave()
    one.socket.close_revoked()
    assert (left, len(seen), one.writer.code) == ([], 1, 4403)


async def test_a_closed_socket_holds_no_timer() -> None:
    one = await bench().ready()
    live = await one.feed()
    while live.outlet.open:
        live.outlet.next(b'"' + b"x" * 500 + b'"')
    one.socket.close_revoked()
    loop = asyncio.get_running_loop()
    waiting = [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    mine = [timer for timer in waiting if "api.socket" in repr(timer) or "ClientSocket" in repr(timer)]
    assert mine == []
