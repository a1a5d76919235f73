"""The types of `serverContract`: the bounds and close codes of this server as data."""

import strawberry
from django.conf import settings

from schema.host_process import process

VERSION = "1"


@strawberry.type(description="A code with which the server closes a websocket.")
class CloseCodeInfo:
    """A close code (PROTOCOL.md, «Close codes»)."""

    code: int = strawberry.field(description="The number in the close frame.")
    name: str = strawberry.field(description="Its name in PROTOCOL.md.")
    meaning: str = strawberry.field(description="What the code means, in one sentence.")
    retry: bool = strawberry.field(description="Whether the client should connect again after this code.")


# The names and the order of PROTOCOL.md, «Bounds». Each is a setting of the same name.
BOUNDS = (
    "CONNECTION_INIT_TIMEOUT_SECONDS",
    "KEEP_ALIVE_SECONDS",
    "TOKEN_EXPIRY_NOTICE_SECONDS",
    "SOCKET_TICKET_SECONDS",
    "SOCKETS_PER_USER",
    "MAX_FEEDS_PER_SOCKET",
    "MAX_RUNNING_OPERATIONS_PER_SOCKET",
    "MAX_FRAMES_PER_SECOND",
    "MAX_FRAME_BURST",
    "MAX_FRAME_BYTES",
    "FLOW_PING_BYTES",
    "SEND_WINDOW_BYTES",
    "MAX_UNSENT_BYTES",
    "SLOW_CONSUMER_SECONDS",
    "MAX_REPLAY_EVENTS",
    "REPLAY_HORIZON_DAYS",
    "MAX_INBOX_CURSORS",
    "MAX_BODY_BYTES",
    "MAX_JSON_DEPTH",
    "MAX_STREAMS_PER_USER",
    "MAX_QUERY_CHARACTERS",
    "MAX_QUERY_TOKENS",
    "MAX_QUERY_MERGES",
    "MAX_QUERY_DEPTH",
    "MAX_QUERY_ALIASES",
    "MAX_ROOT_FIELDS",
    "MAX_QUERY_COST",
    "MAX_LIST_ITEMS",
    "MAX_VARIABLE_VALUES",
    "MAX_STRING_CHARACTERS",
    "DEFAULT_PAGE_SIZE",
    "MAX_PAGE_SIZE",
    "MAX_MESSAGE_LENGTH",
    "MAX_TITLE_LENGTH",
    "MAX_CLIENT_ID_LENGTH",
    "MAX_GROUP_MEMBERS",
    "MAX_UNREAD_COUNT",
    "MAX_PERSISTED_QUERY_CHARACTERS",
)


@strawberry.type(description="A configured bound of this server.")
class Bound:
    """A bound (PROTOCOL.md, «Bounds»)."""

    name: str = strawberry.field(description="Its name in PROTOCOL.md.")
    value: float = strawberry.field(description="The value on this server, in the unit that the name states.")


@strawberry.type(
    description="The server's bounds, close codes and heartbeat as data, so that clients need no copy of them."
)
class ServerContract:
    """What the server promises its clients (PROTOCOL.md)."""

    version: str = strawberry.field(description="The version of the protocol, as in PROTOCOL.md.")
    close_codes: list[CloseCodeInfo] = strawberry.field(
        description="Every code with which the server closes a socket, in ascending order."
    )
    bounds: list[Bound] = strawberry.field(description="Every bound of PROTOCOL.md, in the same order.")
    keep_alive_seconds: int = strawberry.field(description="Seconds between two pings of the server.")
    connection_init_timeout_seconds: int = strawberry.field(
        description="Seconds that the server waits for connection_init."
    )
    max_frame_bytes: int = strawberry.field(
        description="The largest websocket frame that a client may send, in bytes."
    )
    max_operations_per_socket: int = strawberry.field(
        description="The maximum number of live subscriptions on one socket."
    )
    max_message_length: int = strawberry.field(
        description="The maximum length of a message's text, in characters."
    )
    max_page_size: int = strawberry.field(description="The maximum number of rows in a page.")
    max_query_depth: int = strawberry.field(description="The maximum depth of a selection.")
    max_query_cost: int = strawberry.field(
        description="The maximum cost of an operation, counted in values that it may return."
    )
    max_body_bytes: int = strawberry.field(description="The largest body of an HTTP request, in bytes.")
    max_replay_events: int = strawberry.field(
        description="The maximum number of events that a feed replays after `since`."
    )
    replay_horizon_days: int = strawberry.field(description="Days for which events can be replayed.")
    sockets_per_user: int = strawberry.field(
        description="The maximum number of sockets per user; a newer socket supersedes the oldest."
    )


def server_contract() -> ServerContract:
    """Build the contract from this process's settings and close codes."""
    codes = process().close_codes()
    return ServerContract(
        version=VERSION,
        close_codes=[
            CloseCodeInfo(code=c.code, name=c.name, meaning=c.meaning, retry=c.retry) for c in codes
        ],
        bounds=[Bound(name=name, value=getattr(settings, name)) for name in BOUNDS],
        keep_alive_seconds=round(settings.KEEP_ALIVE_SECONDS),
        connection_init_timeout_seconds=round(settings.CONNECTION_INIT_TIMEOUT_SECONDS),
        max_frame_bytes=settings.MAX_FRAME_BYTES,
        max_operations_per_socket=settings.MAX_FEEDS_PER_SOCKET,
        max_message_length=settings.MAX_MESSAGE_LENGTH,
        max_page_size=settings.MAX_PAGE_SIZE,
        max_query_depth=settings.MAX_QUERY_DEPTH,
        max_query_cost=settings.MAX_QUERY_COST,
        max_body_bytes=settings.MAX_BODY_BYTES,
        max_replay_events=settings.MAX_REPLAY_EVENTS,
        replay_horizon_days=settings.REPLAY_HORIZON_DAYS,
        sockets_per_user=settings.SOCKETS_PER_USER,
    )
