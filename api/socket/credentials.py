"""Finds a socket's credential and the identity it proves (PROTOCOL.md, «Credentials»).

The places are searched in this order: the payload of `connection_init`, the handshake's `Authorization` header, the
query string. The first place that carries anything decides. A credential that fails never falls through to the next
place, or a stale token in a URL could log in another user than the one that the client named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from api.socket.interfaces import Authenticator
from auth.bearer import bearer_token
from auth.identity import Identity
from foundation.client_address import client_address
from foundation.errors import ErrorCode, ParlorError


@dataclass(frozen=True, slots=True)
class Credential:
    """An access token or a ticket as the client gave it; its text stays out of `repr` and so out of logs."""

    kind: str
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.kind})"


@dataclass(frozen=True, slots=True, repr=False)
class Handshake:
    """What the HTTP request that opened the socket carried."""

    authorization: str | None = None
    query_token: str | None = None
    query_ticket: str | None = None
    client_address: str | None = None
    device: str = ""

    @classmethod
    def read(
        cls, headers: Iterable[tuple[bytes, bytes]], query_string: bytes, peer: str | None
    ) -> "Handshake":
        """Read it from the parts of an ASGI scope; `peer` is the address that connected: the client's or a proxy's."""
        by_name: dict[bytes, bytes] = {}
        forwarded: list[str] = []
        for header, content in headers:
            by_name[header.lower()] = content
            if header.lower() == b"x-forwarded-for":
                forwarded.append(content.decode("latin-1"))
        authorization = by_name.get(b"authorization")
        query: dict[str, str] = {}
        for name, value in parse_qsl(
            query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=None
        ):
            query.setdefault(name, value)
        return cls(
            authorization=None if authorization is None else authorization.decode("latin-1"),
            query_token=query.get("JWT"),
            query_ticket=query.get("ticket"),
            client_address=client_address(peer, ",".join(forwarded)),
            device=by_name.get(b"user-agent", b"").decode("latin-1")[:200],
        )


def find_credential(payload: Mapping[str, object] | None, handshake: Handshake) -> Credential:
    """The credential that counts. Raises UNAUTHENTICATED when there is none or when its form is unusable."""
    for name, value in (payload or {}).items():
        if name.lower() == "authorization" and value is not None:
            return _bearer(value)
    ticket = (payload or {}).get("ticket")
    if ticket is not None:
        return _ticket(ticket)
    if handshake.authorization is not None:
        return _bearer(handshake.authorization)
    if handshake.query_token is not None:
        return _token(handshake.query_token)
    if handshake.query_ticket is not None:
        return _ticket(handshake.query_ticket)
    raise _unauthenticated(
        "No credential: send `Authorization` or `ticket` in the payload of connection_init."
    )


async def identify(
    payload: Mapping[str, object] | None, handshake: Handshake, authenticator: Authenticator
) -> Identity:
    """The identity that the client's credential proves. Raises ParlorError for a missing or refused one."""
    credential = find_credential(payload, handshake)
    if credential.kind == "ticket":
        return await authenticator.redeem_ticket(credential.secret)
    return await authenticator.authenticate(credential.secret)


def _bearer(value: object) -> Credential:
    token = bearer_token(value) if isinstance(value, str) else None
    if token is None:
        raise _unauthenticated("`Authorization` is not `Bearer <access token>`.")
    return _token(token)


def _token(value: str) -> Credential:
    if not value:
        raise _unauthenticated("The access token is empty.")
    return Credential("token", value)


def _ticket(value: object) -> Credential:
    if not isinstance(value, str) or not value:
        raise _unauthenticated("The ticket is not a text.")
    return Credential("ticket", value)


def _unauthenticated(sentence: str) -> ParlorError:
    return ParlorError(ErrorCode.UNAUTHENTICATED, sentence)
