"""Frames: decoding and encoding of the protocol's «Message types», and «Invalid message»."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.socket import frames
from api.socket.close_codes import CloseCode
from api.socket.frames import Complete, ConnectionInit, FrameError, Ping, Pong, Subscribe, decode_frame

MAX = 262_144

MALFORMED = {
    "array": "[]",
    "null": "null",
    "number": "42",
    "string": '"x"',
    "empty": "",
    "no JSON": "hello",
    "two values": '{"type":"ping"} {}',
    "byte order mark": '\ufeff{"type":"ping"}',
    "no type": "{}",
    "type of another type": '{"type":1}',
    "null type": '{"type":null}',
    "unknown type": '{"type":"start"}',
    "type of a server": '{"type":"connection_ack"}',
    "two types": '{"type":"ping","type":"pong"}',
    "init payload": '{"type":"connection_init","payload":[]}',
    "ping payload array": '{"type":"ping","payload":[]}',
    "ping payload text": '{"type":"ping","payload":"x"}',
    "ping payload number": '{"type":"ping","payload":1}',
    "pong payload": '{"type":"pong","payload":1}',
    "NaN": '{"type":"ping","payload":{"a":NaN}}',
    "Infinity": '{"type":"pong","payload":{"a":Infinity}}',
    "number out of range": '{"type":"pong","payload":{"a":1e999}}',
    "20,000 digits": '{"type":"pong","payload":{"a":' + "9" * 20_000 + "}}",
    "20,000 digits in variables": '{"id":"1","type":"subscribe","payload":{"query":"q","variables":{"a":'
    + "9" * 20_000
    + "}}}",
    "100,000 deep": '{"type":"pong","payload":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}",
    "100,000 deep in an unknown member": '{"type":"pong","x":' + "[" * 100_000 + "]" * 100_000 + "}",
    "100,000 deep and unclosed": '{"a":' * 50_000,
    "lone surrogate": '{"type":"pong","payload":{"a":"\ud800"}}',
    "escaped lone surrogate": '{"type":"pong","payload":{"a":"\\ud800"}}',
    "escaped lone surrogate in ping": '{"type":"ping","payload":{"a":"\\udc00"}}',
    "no id": '{"type":"subscribe","payload":{"query":"q"}}',
    "null id": '{"id":null,"type":"subscribe","payload":{"query":"q"}}',
    "number id": '{"id":1,"type":"subscribe","payload":{"query":"q"}}',
    "empty id": '{"id":"","type":"subscribe","payload":{"query":"q"}}',
    "no payload": '{"id":"1","type":"subscribe"}',
    "null payload": '{"id":"1","type":"subscribe","payload":null}',
    "text payload": '{"id":"1","type":"subscribe","payload":"q"}',
    "no query": '{"id":"1","type":"subscribe","payload":{}}',
    "null query": '{"id":"1","type":"subscribe","payload":{"query":null}}',
    "number query": '{"id":"1","type":"subscribe","payload":{"query":1}}',
    "variables": '{"id":"1","type":"subscribe","payload":{"query":"q","variables":[]}}',
    "variables text": '{"id":"1","type":"subscribe","payload":{"query":"q","variables":"{}"}}',
    "extensions": '{"id":"1","type":"subscribe","payload":{"query":"q","extensions":1}}',
    "operationName": '{"id":"1","type":"subscribe","payload":{"query":"q","operationName":{}}}',
    "complete without id": '{"type":"complete"}',
    "complete with empty id": '{"id":"","type":"complete"}',
    "complete with number id": '{"id":7,"type":"complete"}',
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_frame_is_refused_with_4400_and_a_reason(text: str) -> None:
    with pytest.raises(FrameError) as caught:
        decode_frame(text, MAX)
    assert caught.value.code == CloseCode.BAD_REQUEST
    assert caught.value.reason.startswith("Invalid message: ")


@pytest.mark.parametrize("letter", ["x", "ж"])
def test_a_frame_is_measured_in_bytes(letter: str) -> None:
    def ping(count: int) -> str:
        return '{"type":"pong","payload":{"a":"' + letter * count + '"}}'

    room = (1000 - len(ping(0))) // len(letter.encode())
    assert isinstance(decode_frame(ping(room), 1000), Pong)
    with pytest.raises(FrameError) as caught:
        decode_frame(ping(room + 1), 1000)
    assert caught.value.code == CloseCode.FRAME_TOO_LARGE


@pytest.mark.parametrize(
    "payload", ["", ',"payload":null', ',"payload":{}', ',"payload":{"a":[1,{"b":null}]}']
)
@pytest.mark.parametrize("kind", ["connection_init", "ping", "pong"])
def test_a_payload_may_be_absent_null_or_an_object(kind: str, payload: str) -> None:
    frame = decode_frame(f'{{"type":"{kind}"{payload}}}', MAX)
    assert isinstance(frame, ConnectionInit | Ping | Pong)


def test_a_subscribe_holds_the_whole_request() -> None:
    text = (
        '{"id":"constructor","type":"subscribe","extra":1,"payload":'
        '{"query":"q","operationName":"Q","variables":{"a":1},"extensions":{"b":2},"more":3}}'
    )
    frame = decode_frame(text, MAX)
    assert isinstance(frame, Subscribe)
    assert frame.id == "constructor"
    payload = frame.payload
    assert (payload.query, payload.operation_name) == ("q", "Q")
    assert (payload.variables, payload.extensions) == ({"a": 1}, {"b": 2})


def test_null_members_of_a_request_count_as_absent() -> None:
    text = (
        '{"id":"1","type":"subscribe","payload":'
        '{"query":"q","operationName":null,"variables":null,"extensions":null}}'
    )
    frame = decode_frame(text, MAX)
    assert isinstance(frame, Subscribe)
    assert frame.payload.variables is None


def test_only_a_persisted_document_may_come_without_its_text() -> None:
    text = '{"id":"1","type":"subscribe","payload":{"extensions":{"persistedQuery":{"sha256Hash":"0"}}}}'
    frame = decode_frame(text, MAX)
    assert isinstance(frame, Subscribe)
    assert frame.payload.query is None


def test_the_last_of_duplicate_members_counts() -> None:
    frame = decode_frame('{"id":"1","id":"2","type":"complete"}', MAX)
    assert isinstance(frame, Complete)
    assert frame.id == "2"


def test_a_long_integer_stays_exact() -> None:
    frame = decode_frame('{"type":"pong","payload":{"a":' + "9" * 40 + "}}", MAX)
    assert isinstance(frame, Pong)
    assert frame.payload == {"a": int("9" * 40)}


@pytest.mark.parametrize("payload", ['{"a":1e2,"ж":"\\u0436"}', "{}", "null", '{ "a" : [ 1 ] }'])
def test_a_pong_echoes_the_payload_as_it_was_written(payload: str) -> None:
    ping = decode_frame(f'{{"type":"ping","payload":{payload}}}', MAX)
    assert isinstance(ping, Ping)
    assert frames.pong_frame(ping) == f'{{"type":"pong","payload":{payload}}}'


def test_a_pong_to_a_bare_ping_is_bare() -> None:
    ping = decode_frame('{"type":"ping"}', MAX)
    assert isinstance(ping, Ping)
    assert json.loads(frames.pong_frame(ping)) == {"type": "pong"}


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_an_id_of_any_script_comes_back_unchanged(operation_id: str) -> None:
    made = frames.OperationFrames(operation_id)
    payload = '{"data":{"ж":"😀"}}'.encode()
    assert json.loads(made.next(payload)) == {
        "id": operation_id,
        "type": "next",
        "payload": {"data": {"ж": "😀"}},
    }
    assert len(made.next(payload).encode()) == made.next_overhead + len(payload)
    assert json.loads(made.complete()) == {"id": operation_id, "type": "complete"}
    errors: list[dict[str, Any]] = [{"message": "no"}]
    assert json.loads(made.error(errors)) == {"id": operation_id, "type": "error", "payload": errors}


def test_a_payload_is_decoded_once_for_all_sockets() -> None:
    payload = b'{"data":1}'
    assert frames.shared_text(payload) is frames.shared_text(payload)
    assert frames.shared_text(b'{"data":2}') == '{"data":2}'
    assert frames.shared_text(payload) == '{"data":1}'


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_words = st.sampled_from(
    [
        "type",
        "id",
        "payload",
        "query",
        "variables",
        "subscribe",
        "ping",
        "complete",
        "connection_init",
        "1",
        "",
    ]
)
_frames = st.dictionaries(_words | st.text(max_size=4), _words | _json, max_size=5).map(json.dumps)


@given(st.text() | _json.map(json.dumps) | _frames)
def test_any_text_is_a_frame_or_a_frame_error(text: str) -> None:
    outcome: object
    try:
        outcome = decode_frame(text, MAX)
    except FrameError as error:
        outcome = error.code
    assert isinstance(outcome, ConnectionInit | Ping | Pong | Subscribe | Complete) or outcome in (
        CloseCode.BAD_REQUEST,
        CloseCode.FRAME_TOO_LARGE,
    )
