"""The limits and codes of this server, as data, so that clients need no copy of them."""

import strawberry
from django.conf import settings

from schema.host_process import process

VERSION = "1"


@strawberry.type(description="A code that closes a websocket.")
class CloseCodeInfo:
    """A close code."""

    code: int = strawberry.field(description="The number in the close frame.")
    name: str = strawberry.field(description="Its name in PROTOCOL.md.")
    meaning: str = strawberry.field(description="What happened, in a sentence.")
    retry: bool = strawberry.field(description="Whether the client should connect again.")


# By these names PROTOCOL.md speaks of them.
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


@strawberry.type(description="A bound of this server.")
class Bound:
    """A bound."""

    name: str = strawberry.field(description="Its name in PROTOCOL.md.")
    value: float = strawberry.field(description="What this server sets it to.")


@strawberry.type(
    description="Limits, close codes and heartbeat, as data, so that clients need no copy of them."
)
class ServerContract:
    """The contract."""

    version: str = strawberry.field(description="The protocol's version in PROTOCOL.md.")
    close_codes: list[CloseCodeInfo] = strawberry.field(
        description="Every code that closes a socket, by number."
    )
    bounds: list[Bound] = strawberry.field(description="Every bound of PROTOCOL.md, in its order.")
    keep_alive_seconds: int = strawberry.field(description="How often the server pings.")
    connection_init_timeout_seconds: int = strawberry.field(
        description="How long it waits for connection_init."
    )
    max_frame_bytes: int = strawberry.field(description="The largest frame that a client may send.")
    max_operations_per_socket: int = strawberry.field(
        description="The most live subscriptions of one socket."
    )
    max_message_length: int = strawberry.field(description="The longest text of a message, in characters.")
    max_page_size: int = strawberry.field(description="The most rows of a page.")
    max_query_depth: int = strawberry.field(description="The deepest nesting of a selection.")
    max_query_cost: int = strawberry.field(description="The most values that an operation may ask for.")
    max_body_bytes: int = strawberry.field(description="The largest body of an HTTP request.")
    max_replay_events: int = strawberry.field(
        description="The most events that a feed replays after `since`."
    )
    replay_horizon_days: int = strawberry.field(description="How long events can be replayed.")
    sockets_per_user: int = strawberry.field(description="The most sockets of one user; the newest stays.")


def server_contract() -> ServerContract:
    """The contract of this process."""
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
