"""What lives on after its request: feeds and sockets."""

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from api.config.values import Count, Seconds, Texts


class LiveVariables(BaseModel):
    """Feeds and sockets."""

    # --- Feeds
    FEED_LINGER_SECONDS: Seconds = Field(
        1, description="How long a chat is followed after its last listener left; seconds."
    )
    FEED_GAP_WAIT_MS: Count = Field(
        50, description="How long a missing event may be late before it is read from the log; milliseconds."
    )
    FEED_PROBE_SECONDS: Seconds = Field(1, description="Time between looks at Redis; seconds.")
    FEED_DEAF_SECONDS: Seconds = Field(
        5,
        description="How long nothing may come through Redis, though it answers, before the subscription to it is made "
        "anew; seconds.",
    )
    FEED_POLL_SECONDS: Seconds = Field(
        5, description="Time between comparisons of followed chats with the database; seconds."
    )
    FEED_RETRY_SECONDS: Seconds = Field(
        1,
        description="Time between attempts to read a gap, or the subscription to Redis, that failed; seconds.",
    )
    FEED_HELD_EVENTS: Count = Field(
        1000, description="Events of one chat held back while an earlier one is missing; events."
    )
    FEED_HELD_BYTES: Count = Field(
        33_554_432, description="The same of all chats in one process; bytes of memory."
    )
    FEED_LOG_PAGE: Count = Field(500, description="Events read from the log at once; events.")
    FEED_RING_EVENTS: Count = Field(
        500, description="Last events of a followed chat kept for clients that reconnect; events."
    )
    FEED_RING_BYTES: Count = Field(
        4_194_304,
        description="The same, and once more for recalled pages of that chat; bytes of memory.",
    )
    FEED_RECALLED_PAGES: Count = Field(
        2,
        description="Pages of a chat's log kept for clients that are further behind; pages of FEED_LOG_PAGE.",
    )
    STREAM_BYTES_KEPT: Count = Field(
        65_536, description="Last payloads of a feed's selection kept for clients that catch up; bytes."
    )
    FEED_MEMORY_BYTES: Count = Field(
        268_435_456,
        description="Events and payloads of all chats that one process keeps for clients that come back or lag; bytes "
        "of memory, at least FEED_RING_BYTES.",
    )
    MAX_INBOX_CURSORS: Count = Field(2000, description="Most chats that inboxFeed takes a seq for; chats.")
    FEED_RING_LINGER_SECONDS: Seconds = Field(
        30, description="How long they are kept after the chat's last operation ended; seconds."
    )
    MAX_REPLAY_EVENTS: Count = Field(
        1000, description="Most events replayed after `since`; beyond, the feed is reset; events."
    )
    REPLAY_EVENTS_PER_TURN: Count = Field(
        50, description="Events replayed to one client before others get their turn; events."
    )
    REPLAY_HORIZON_DAYS: Count = Field(30, description="How long the log keeps events for replay; days.")
    PUBLISH_QUEUE_LENGTH: Count = Field(
        10_000, description="Publications that wait for Redis in one process; publications."
    )

    # --- The socket
    SOCKET_ORIGINS: Texts = Field(
        [],
        description="Origins of web pages, beside those of CORS and the own host, that may open a socket; `*` for all.",
    )
    SOCKETS_PER_USER: Count = Field(
        10,
        description="Sockets that one user may hold; the newest supersedes the oldest. 1 is one per user; sockets.",
    )
    SOCKET_LEASE_SECONDS: Seconds = Field(
        60, description="How long the registry keeps the sockets of a process that crashed; seconds."
    )
    DRAIN_SECONDS: float = Field(
        3, ge=0, description="Over how long a process that stops closes its sockets; seconds, 0 for at once."
    )
    DRAIN_GRACE_SECONDS: float = Field(
        5, ge=0, description="Longest wait, after that, for mutations that still run; seconds."
    )
    CONNECTION_INIT_TIMEOUT_SECONDS: Seconds = Field(
        10,
        description="Longest wait for connection_init, and then for its credential to be checked; seconds.",
    )
    TOKEN_EXPIRY_NOTICE_SECONDS: Seconds = Field(
        60, description="How long before its token's end a socket is told to renew it; seconds."
    )
    MAX_FRAME_BYTES: Count = Field(131_072, description="Largest frame that a client may send; bytes.")
    MAX_FRAMES_PER_SECOND: Count = Field(
        100, description="Frames that one socket may send in the long run; frames per second."
    )
    MAX_FRAME_BURST: Count = Field(
        400, description="Frames that one socket may send at once, as when it subscribes anew; frames."
    )
    MAX_FEEDS_PER_SOCKET: Count = Field(200, description="Live subscriptions of one socket; operations.")
    MAX_RUNNING_OPERATIONS_PER_SOCKET: Count = Field(
        20, description="Queries and mutations that run at once on one socket; operations."
    )
    SEND_WINDOW_BYTES: Count = Field(
        262_144, description="What a socket may owe in unanswered output before its feeds wait; bytes."
    )
    FLOW_PING_BYTES: Count = Field(
        65_536,
        description="Output after which a ping asks whether it was read; bytes, at most SEND_WINDOW_BYTES.",
    )
    MAX_UNSENT_BYTES: Count = Field(
        4_194_304, description="What a socket may owe at all, answers included, before it is closed; bytes."
    )

    @field_validator("FEED_MEMORY_BYTES")
    @classmethod
    def _memory_holds_a_ring(cls, size: int, info: ValidationInfo) -> int:
        if size < info.data.get("FEED_RING_BYTES", size):
            raise ValueError("must be at least FEED_RING_BYTES")
        return size

    @field_validator("FLOW_PING_BYTES")
    @classmethod
    def _window_holds_a_ping(cls, size: int, info: ValidationInfo) -> int:
        # Else a socket could close its window with no ping on its way to open it again.
        if size > info.data.get("SEND_WINDOW_BYTES", size):
            raise ValueError("must be at most SEND_WINDOW_BYTES")
        return size
