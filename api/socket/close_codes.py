"""Every code that closes a socket: its number, its sentence for the client, and whether to reconnect.

The numbers suit the graphql-ws client, which many others copy. It gives up at 4400, 4401, 4406, 4409, 4429, 4500,
4004, 4005 and at every 1xxx but 1000, 1001, 1005, 1006, 1012, 1013 and 1014; after all others it reconnects.
"""

import enum

MAX_REASON_BYTES = 123  # RFC 6455, 5.5: a control frame carries 125 bytes, two of which are the code


class CloseCode(enum.IntEnum):
    """A close code. `meaning` is one sentence of at most 123 bytes, `retry` says whether to reconnect."""

    meaning: str
    retry: bool

    def __new__(cls, code: int, retry: bool, meaning: str) -> "CloseCode":
        member = int.__new__(cls, code)
        member._value_ = code
        member.retry = retry
        member.meaning = meaning
        return member

    # Codes of the websocket protocol; the server program itself sends some of them.
    NORMAL = 1000, False, "Normal closure."
    INVALID_TEXT = 1007, False, "A text frame was not UTF-8."
    # 1008 and not a 4xxx: the client must not reconnect, or two sockets would supersede each other for ever.
    SUPERSEDED = 1008, False, "A newer socket of this user replaced this one, or the user closed it."
    FRAME_TOO_LARGE = 1009, False, "A frame is larger than maxFrameBytes."
    SERVER_FAULT = 1011, False, "The server program failed."
    RESTARTING = 1012, True, "The server restarts."
    OVERLOADED = 1013, True, "The server cannot accept this socket now."

    # Codes of graphql-transport-ws.
    BAD_REQUEST = 4400, False, "Invalid message."
    UNAUTHORIZED = 4401, False, "Unauthorized: an operation came before connection_ack."
    FORBIDDEN = 4403, True, "Forbidden: sign in again."
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406, False, "Subprotocol not acceptable: offer graphql-transport-ws."
    CONNECTION_INIT_TIMEOUT = 4408, True, "Connection initialisation timeout."
    SUBSCRIBER_ALREADY_EXISTS = 4409, False, "Subscriber already exists."
    TOO_MANY_INIT_REQUESTS = 4429, False, "Too many initialisation requests."
    INTERNAL = 4500, False, "Internal server error."

    # Parlor's own codes.
    SLOW_CONSUMER = 4450, True, "The client did not read what it asked for in time."
    UNRESPONSIVE = 4451, True, "The client sent nothing for two rounds of pings."
    TOO_MANY_FRAMES = 4452, True, "The client sent too many frames."


def cut_reason(reason: str) -> str:
    """Return `reason`, cut between characters to what a close frame can carry."""
    encoded = reason.encode("utf-8", "replace")
    if len(encoded) <= MAX_REASON_BYTES:
        return encoded.decode()
    return encoded[:MAX_REASON_BYTES].decode("utf-8", "ignore")
