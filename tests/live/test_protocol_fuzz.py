"""Thousands of frames of all shapes: each socket answers a ping or is closed, and no server's log has a fault.

Section 4: «A frame that is not a message of the protocol closes the socket with 4400». The servers' logs are read when
they stop (`check_log`): an unhandled exception or a masked error fails there.
"""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.socket.close_codes import CloseCode
from tests.live.people import FEED, SEND, register
from tests.server import Server

PROBE = {"type": "pong", "payload": {"probe": True}}
ANSWER_SECONDS = 10
CODES = {int(code) for code in CloseCode}

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),  # also NaN and infinities, which json.dumps writes although JSON lacks them
    st.text(max_size=8),
    st.sampled_from(["constructor", "__proto__", "\u0000", "\ud800", 10**400]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
QUERIES = st.sampled_from(
    [
        "{ __typename }",
        "{ viewer { user { id } } }",
        FEED,
        SEND,
        "subscription { connectionFeed { __typename } }",
        "query A { __typename } query B { __typename }",
        "{",
        "{ a" * 50,
        "\ufeff{ __typename }",
        "# " + "ж" * 30,
        "mutation { login(username: 1) }",
        "fragment F on Query { ...F } { ...F }",
    ]
)
TYPES = st.sampled_from(
    ["connection_init", "ping", "pong", "subscribe", "complete", "next", "error", "connection_ack", "", "x"]
)
PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "query": QUERIES | JSON,
        "variables": st.dictionaries(st.sampled_from(["chatId", "since", "input", "x"]), JSON, max_size=3)
        | JSON,
        "operationName": st.sampled_from(["A", "B", "", None]) | JSON,
        "extensions": st.just({"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}) | JSON,
    },
)
IDS = st.sampled_from(["1", "2", "constructor", "ж😀"])
SUBSCRIBES = st.builds(
    lambda one, query, variables: {
        "id": one,
        "type": "subscribe",
        "payload": {"query": query, "variables": variables},
    },
    IDS,
    QUERIES,
    st.dictionaries(st.sampled_from(["chatId", "since", "input"]), JSON, max_size=3),
)
ENVELOPES = st.fixed_dictionaries(
    {}, optional={"type": TYPES | JSON, "id": IDS | JSON, "payload": PAYLOADS | JSON, "other": JSON}
)
COMPLETES = st.builds(lambda one: {"id": one, "type": "complete"}, IDS)
PINGS = st.builds(lambda payload: {"type": "ping", "payload": payload}, JSON)
OBJECTS = st.one_of(SUBSCRIBES, SUBSCRIBES, COMPLETES, PINGS, ENVELOPES, JSON)


def text_of(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


WILD = [
    "[" * 100_000,
    '{"type":"ping","payload":' + '{"a":' * 5000 + "1" + "}" * 5001,
    '{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":{"a":'
    + "9" * 20_000
    + "}}}",
    '{"type":"ping","payload":{"a":NaN}}',
    '{"type":"ping"}{"type":"ping"}',
    '{"type":"ping","type":"pong"}',
    "",
    " \n",
    '{"type":"ping"}\x00',
    "\ufeff" + '{"type":"ping"}',
]
FRAMES = st.one_of(
    OBJECTS.map(text_of),
    OBJECTS.map(text_of),
    st.sampled_from(range(len(WILD))),  # by number, since some are long
    st.binary(max_size=12),
    st.tuples(OBJECTS.map(text_of), st.integers(0, 400), st.binary(min_size=1, max_size=2)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
    ),
)
WELL_FORMED = st.one_of(SUBSCRIBES, SUBSCRIBES, SUBSCRIBES, COMPLETES).map(text_of)
AS_TEXT = st.integers(0, 30).map(bool)  # seldom as binary
STEPS = st.one_of(
    # A malformed frame closes the socket, so few follow it; a well-formed one never does, whatever its content.
    st.lists(st.tuples(FRAMES, AS_TEXT), min_size=1, max_size=6),
    st.lists(st.tuples(WELL_FORMED, st.just(True)), min_size=5, max_size=30),
)


@pytest.fixture
async def token(server: Server) -> str:
    return (await register(server)).token


def end_of(server: Server, token: str, steps: Sequence[tuple[bytes | int, bool]], ready: bool) -> int | None:
    """Send the frames (text or binary) and a ping. Return the close code, or None when the ping is answered."""
    with connect(
        server.socket, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None, max_size=None
    ) as socket:
        try:
            if ready:
                init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
                socket.send(json.dumps(init))
                assert json.loads(socket.recv(ANSWER_SECONDS)) == {"type": "connection_ack"}
            for frame, as_text in steps:
                socket.send(WILD[frame].encode() if isinstance(frame, int) else frame, text=as_text)
            socket.send(json.dumps({**PROBE, "type": "ping"}))
            _until_probed(socket)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
    return None


def _until_probed(socket: ClientConnection) -> None:
    """Read up to the answer. Raises TimeoutError for a socket that neither answers nor closes."""
    while True:
        frame = json.loads(socket.recv(ANSWER_SECONDS))
        if frame == PROBE:
            return
        assert frame["type"] in ("connection_ack", "ping", "pong", "next", "error", "complete"), frame


@pytest.mark.timeout(900)  # a thousand sockets take minutes where other suites run beside this one
@pytest.mark.parametrize("ready", [True, False], ids=["ready", "before init"])
def test_each_socket_answers_or_is_closed(server: Server, token: str, ready: bool) -> None:
    ends: set[int | None] = set()

    @settings(
        max_examples=800 if ready else 200,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(STEPS)
    def any_frames(steps: list[tuple[bytes | int, bool]]) -> None:
        end = end_of(server, token, steps, ready)
        ends.add(end)
        # The server may drop the connection when more bad frames follow the one that closes it.
        assert end is None or end in CODES or (end == 1006 and len(steps) > 1), steps

    any_frames()
    assert ends >= ({None, 4400, 4409} if ready else {4400, 4401})


@pytest.mark.parametrize("number", range(len(WILD)))
def test_each_wild_frame(server: Server, token: str, number: int) -> None:
    assert end_of(server, token, [(number, True)], True) in (None, 4400)
