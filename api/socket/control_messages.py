"""The messages of a user's control feed: what each process must do to the sockets and streams that it has of the user.

Their JSON is the same between all processes: `{"type": "revoke", "sessionIds": [...] or null, "epoch": number or
null}`, and `supersede` and `close` with a `socketId`.
"""

import logging

import msgspec

from auth.revocation import Revoked

logger = logging.getLogger(__name__)


class Revoke(msgspec.Struct, tag_field="type", tag="revoke", rename="camel", frozen=True):
    """Tokens of the user have ended: those of the sessions named or, with None, all below `epoch`."""

    session_ids: tuple[str, ...] | None = None
    epoch: int | None = None

    @classmethod
    def of(cls, revoked: Revoked) -> "Revoke":
        """The message about a revocation."""
        session_ids = None if revoked.session_ids is None else tuple(sorted(revoked.session_ids))
        return cls(session_ids, revoked.epoch)

    def revoked(self, user_id: int) -> Revoked:
        """The revocation that the message on this user's feed is about."""
        session_ids = None if self.session_ids is None else frozenset(self.session_ids)
        return Revoked(user_id, session_ids, self.epoch)


class Supersede(msgspec.Struct, tag_field="type", tag="supersede", rename="camel", frozen=True):
    """Newer sockets of the user have taken the place of this one."""

    socket_id: str


class CloseSocket(msgspec.Struct, tag_field="type", tag="close", rename="camel", frozen=True):
    """The user closes this socket from another one or over HTTP."""

    socket_id: str


ControlMessage = Revoke | Supersede | CloseSocket

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[ControlMessage] = msgspec.json.Decoder(ControlMessage)


def encode_control_message(message: ControlMessage) -> bytes:
    """The message as JSON."""
    return _encoder.encode(message)


def decode_control_message(body: bytes) -> ControlMessage | None:
    """The message of a JSON object; None for one that this version does not know."""
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError as error:
        logger.debug("Ignored a control message: %s", error)
        return None
