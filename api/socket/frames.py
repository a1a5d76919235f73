"""The messages of graphql-transport-ws: strict decoding of the client's, encoding of the server's.

Source: PROTOCOL.md of graphql-ws, «Message types». A frame of any other shape raises FrameError, which closes the
socket. Duplicate keys are accepted: the last one counts, as in JavaScript.
"""

import msgspec
from msgspec import UNSET, UnsetType

from api.socket.close_codes import CloseCode

ACK = '{"type":"connection_ack"}'
PING = '{"type":"ping"}'
PONG = '{"type":"pong"}'


class FrameError(Exception):
    """A frame that closes the socket with `code`; `reason` is the sentence for the client."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class ConnectionInit(msgspec.Struct, tag_field="type", tag="connection_init", frozen=True):
    """Opens the connection; `payload` may hold the credential."""

    payload: dict[str, object] | None = None


class Ping(msgspec.Struct, tag_field="type", tag="ping", frozen=True):
    """Asks for a pong with the same payload, which stays as the client wrote it."""

    payload: msgspec.Raw | UnsetType = UNSET


class Pong(msgspec.Struct, tag_field="type", tag="pong", frozen=True):
    """Answers a ping, or is an unsolicited heartbeat."""

    payload: dict[str, object] | None = None


class SubscribePayload(msgspec.Struct, rename="camel", frozen=True):
    """The request: a GraphQL document, or the name of a persisted one in `extensions`."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, object] | None = None
    extensions: dict[str, object] | None = None


class Subscribe(msgspec.Struct, tag_field="type", tag="subscribe", frozen=True):
    """Starts the operation `id`."""

    id: str
    payload: SubscribePayload


class Complete(msgspec.Struct, tag_field="type", tag="complete", frozen=True):
    """Ends the operation `id`: the server sends no more frames for it."""

    id: str


ClientFrame = ConnectionInit | Ping | Pong | Subscribe | Complete

_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame, strict=True)
_encode = msgspec.json.encode


def decode_frame(text: str, max_bytes: int) -> ClientFrame:
    """Decode one text frame of at most `max_bytes` bytes of UTF-8. Raises FrameError and nothing else."""
    try:
        # A character is at most four bytes, so most frames need no encoding to be measured.
        if len(text) * 4 > max_bytes and len(text.encode()) > max_bytes:
            raise FrameError(CloseCode.FRAME_TOO_LARGE, f"A frame is larger than {max_bytes} bytes.")
        frame = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise _bad(str(error)) from None
    except RecursionError:
        raise _bad("it is nested too deeply") from None
    if isinstance(frame, Subscribe):
        _check_subscribe(frame)
    elif isinstance(frame, Complete):
        _check_id(frame.id)
    elif isinstance(frame, Ping):
        _check_ping(frame)
    return frame


def _bad(fault: str) -> FrameError:
    return FrameError(CloseCode.BAD_REQUEST, f"Invalid message: {fault}.")


def _check_id(operation_id: str) -> None:
    if not operation_id:
        raise _bad("`id` is empty")


def _check_subscribe(frame: Subscribe) -> None:
    _check_id(frame.id)
    # Only a persisted document may come without its text; the operation finds out whether the server knows it.
    if frame.payload.query is None and "persistedQuery" not in (frame.payload.extensions or {}):
        raise _bad("`payload.query` is missing")


def _check_ping(frame: Ping) -> None:
    if frame.payload is not UNSET and bytes(frame.payload)[:1] not in (b"{", b"n"):
        raise _bad("`payload` of a ping is not an object")


def pong_frame(ping: Ping) -> str:
    """The answer to `ping`, with its payload byte for byte."""
    if ping.payload is UNSET:
        return PONG
    return '{"type":"pong","payload":' + bytes(ping.payload).decode() + "}"


def ping_frame(payload: dict[str, object]) -> str:
    """A ping that carries a payload."""
    return '{"type":"ping","payload":' + _encode(payload).decode() + "}"


class OperationFrames:
    """The frames of one operation. The id is encoded once, so that a `next` is a concatenation."""

    __slots__ = ("_id", "next_overhead", "next_prefix")

    def __init__(self, operation_id: str) -> None:
        self._id = _encode(operation_id).decode()
        self.next_prefix = '{"id":' + self._id + ',"type":"next","payload":'
        self.next_overhead = len(self.next_prefix.encode()) + 1

    def next(self, payload: bytes) -> str:
        """A `next` frame around `payload`, the JSON of an execution result."""
        return self.next_prefix + shared_text(payload) + "}"

    def error(self, errors: list[dict[str, object]]) -> str:
        """The `error` frame that ends the operation."""
        return '{"id":' + self._id + ',"type":"error","payload":' + _encode(errors).decode() + "}"

    def complete(self) -> str:
        """The `complete` frame that ends the operation."""
        return '{"id":' + self._id + ',"type":"complete"}'


_last_payload = b""
_last_text = ""


def shared_text(payload: bytes) -> str:
    """Decode `payload`, once for all the sockets that get the same object in a row.

    ASGI takes text frames as `str`, while a feed hands the same bytes to every socket.
    """
    global _last_payload, _last_text
    if payload is not _last_payload:
        _last_text = payload.decode()
        _last_payload = payload
    return _last_text
