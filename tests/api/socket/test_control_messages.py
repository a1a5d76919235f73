"""Control messages: their JSON, which every process must read and write alike."""

import pytest

from api.socket.control_messages import (
    CloseSocket,
    ControlMessage,
    Revoke,
    Supersede,
    decode_control_message,
    encode_control_message,
)
from auth.revocation import Revoked

MESSAGES: list[tuple[ControlMessage, bytes]] = [
    (Revoke(("a", "b")), b'{"type":"revoke","sessionIds":["a","b"],"epoch":null}'),
    (Revoke(epoch=3), b'{"type":"revoke","sessionIds":null,"epoch":3}'),
    (Supersede("s"), b'{"type":"supersede","socketId":"s"}'),
    (CloseSocket("s"), b'{"type":"close","socketId":"s"}'),
]


@pytest.mark.parametrize(("message", "body"), MESSAGES)
def test_a_message_has_one_encoding(message: ControlMessage, body: bytes) -> None:
    assert encode_control_message(message) == body
    assert decode_control_message(body) == message


@pytest.mark.parametrize(
    "body", [b"{}", b'{"type":"new"}', b'{"type":"supersede"}', b'{"type":"close","socketId":1}']
)
def test_an_unknown_message_is_ignored(body: bytes) -> None:
    assert decode_control_message(body) is None


@pytest.mark.parametrize("revoked", [Revoked(7, frozenset({"b", "a"})), Revoked(7, None, 3)])
def test_a_revocation_survives_its_message(revoked: Revoked) -> None:
    message = decode_control_message(encode_control_message(Revoke.of(revoked)))
    assert isinstance(message, Revoke)
    assert message.revoked(7) == revoked
