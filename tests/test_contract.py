"""PROTOCOL.md, the code, the settings and `serverContract` agree on every code, bound and message."""

import inspect
import re
from pathlib import Path

import msgspec
import pytest

from api.config.environment import Environment
from api.socket import frames
from api.socket.close_codes import MAX_REASON_BYTES, CloseCode
from foundation.errors import ErrorCode
from schema import execution
from schema.build import schema
from schema.context import Context
from schema.documents import persisted
from schema.execution import OperationRequest
from schema.socket_notices import NoticeReason
from schema.types.contract import BOUNDS, VERSION

TEXT = (Path(__file__).resolve().parents[1] / "PROTOCOL.md").read_text()
QUERY = "{ serverContract { version closeCodes { code name meaning retry } bounds { name value } %s } }"

RETRY = {str(int(code)): code.retry for code in CloseCode}

# Names in requests and in the extensions of errors.
NOT_OF_THE_SCHEMA = {"operationName", "retryAfterMs", "errorId"}


def table(*heads: str) -> list[list[str]]:
    """The rows of the table with these heads."""
    head = re.escape(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n")
    found = re.search(f"^{head}((?:\\|.*\\n)+)", TEXT, re.MULTILINE)
    assert found, f"PROTOCOL.md has no table with {heads}"
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in found[1].splitlines()]


def values_of(enum: str) -> set[str]:
    """The values of an enum of the schema."""
    definition = schema.get_type_by_name(enum)
    assert definition is not None
    return {value.name for value in definition.values}  # type: ignore[union-attr]


async def server_contract(more: str = "") -> dict[str, object]:
    answer = await execution.execute(await execution.prepare(OperationRequest(QUERY % more)), Context())
    contract: dict[str, object] = msgspec.json.decode(answer)["data"]["serverContract"]
    return contract


def default(setting: str) -> object:
    return Environment.model_fields[setting].default


async def test_close_codes_are_the_same_everywhere() -> None:
    codes = [
        {"code": int(code), "name": code.name, "meaning": code.meaning, "retry": code.retry}
        for code in sorted(CloseCode)
    ]
    rows = table("code", "name", "retry", "meaning")
    assert [
        {"code": int(code), "name": name, "meaning": meaning, "retry": {"yes": True, "no": False}[retry]}
        for code, name, retry, meaning in rows
    ] == codes
    assert (await server_contract())["closeCodes"] == codes


def test_every_meaning_fits_into_a_close_frame() -> None:
    assert max(len(code.meaning.encode()) for code in CloseCode) <= MAX_REASON_BYTES


def test_codes_in_the_text_are_in_the_table() -> None:
    mentioned = {int(code) for code in re.findall(r"\b(?:10\d\d|4[4-9]\d\d)\b", TEXT)}
    # 1006 is what a client reports for a dropped connection; nobody sends it.
    assert mentioned - {1006} <= {int(code) for code in CloseCode}


async def test_bounds_are_the_same_everywhere() -> None:
    rows = table("setting", "default")
    assert [name for name, _ in rows] == [f"`{name}`" for name in BOUNDS]
    assert [float(value) for _, value in rows] == [default(name) for name in BOUNDS]
    contract = await server_contract()
    assert contract["bounds"] == [{"name": name, "value": default(name)} for name in BOUNDS]
    assert contract["version"] == VERSION
    assert f"version {VERSION}" in TEXT.splitlines()[0]


def test_settings_in_the_text_exist() -> None:
    names = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])`", TEXT))
    assert names - values_of("FeedResetReason") - {"CAPITALS", "GET", "POST"} <= set(Environment.model_fields)
    assert set(BOUNDS) <= names


@pytest.mark.parametrize(
    ("field", "bound"),
    [
        ("keepAliveSeconds", "KEEP_ALIVE_SECONDS"),
        ("connectionInitTimeoutSeconds", "CONNECTION_INIT_TIMEOUT_SECONDS"),
        ("maxFrameBytes", "MAX_FRAME_BYTES"),
        ("maxOperationsPerSocket", "MAX_FEEDS_PER_SOCKET"),
        ("maxMessageLength", "MAX_MESSAGE_LENGTH"),
        ("maxPageSize", "MAX_PAGE_SIZE"),
        ("maxQueryDepth", "MAX_QUERY_DEPTH"),
        ("maxQueryCost", "MAX_QUERY_COST"),
        ("maxBodyBytes", "MAX_BODY_BYTES"),
        ("maxReplayEvents", "MAX_REPLAY_EVENTS"),
        ("replayHorizonDays", "REPLAY_HORIZON_DAYS"),
        ("socketsPerUser", "SOCKETS_PER_USER"),
    ],
)
async def test_fields_of_their_own_are_bounds_too(field: str, bound: str) -> None:
    assert bound in BOUNDS
    assert (await server_contract(field))[field] == default(bound)


def test_notices_are_the_same_everywhere() -> None:
    rows = table("reason", "then", "come back")
    reasons = {reason.name for reason in NoticeReason}
    assert {reason for reason, _, _ in rows} == reasons == values_of("ConnectionNoticeReason")
    for reason, then, come_back in rows:
        retries = {RETRY[code] for code in re.findall(r"\d{4}", then)}
        assert retries == {
            "no": {False},
            "after 4403 with new credentials; after 1008 no": {True, False},
        }.get(come_back, {True}), reason


def test_resets_are_the_same_everywhere() -> None:
    section = TEXT.partition("`FeedReset(seq, reason)`")[2].partition("\n- ")[0]
    assert set(re.findall(r"\(`([A-Z_]+)`", section)) == values_of("FeedResetReason")


def test_error_codes_are_the_same_everywhere() -> None:
    rows = table("code", "meaning")
    definition = schema.get_type_by_name("ErrorCode")
    described = {value.name: value.description or "" for value in definition.values}  # type: ignore[union-attr]
    assert {code for code, _ in rows} == {code.name for code in ErrorCode} == described.keys()
    for code, meaning in rows:
        # The schema may add which data `extensions` holds.
        assert described[code].startswith(meaning.rstrip(".")), code


def test_codes_of_persisted_queries_are_the_same() -> None:
    raised = set(re.findall(r'"(PERSISTED_QUERY_[A-Z_]+)"', inspect.getsource(persisted)))
    assert raised
    assert raised == set(re.findall(r"\bPERSISTED_QUERY_[A-Z_]+", TEXT))


def test_the_ping_that_asks_for_a_renewal() -> None:
    """tests/live/test_protocol_life.py checks that the server sends exactly this ping."""
    (example,) = re.findall(r"`(\{\"reauthenticate\".*?)`", TEXT)
    payload = msgspec.json.decode(example)
    assert frames.ping_frame(payload) == '{"type":"ping","payload":{"reauthenticate":{"expiresAt":"<time>"}}}'


def test_names_of_the_schema_in_the_text_exist() -> None:
    printed = schema.as_str()
    for name in re.findall(r"`([a-z]+[A-Z][A-Za-z]+|[A-Z][a-z]+[A-Z][A-Za-z]+)[(`]", TEXT):
        assert re.search(rf"\b{name}\b", printed) or name in NOT_OF_THE_SCHEMA, name
