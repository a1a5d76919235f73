"""The variables of feeds and sockets."""

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from api.config.values import Count, Seconds, Texts


class LiveVariables(BaseModel):
    """Feeds and sockets."""

    # --- Feeds
    FEED_LINGER_SECONDS: Seconds = Field(
        1, description="How long a process follows a chat after its last listener has left; seconds."
    )
    FEED_GAP_WAIT_MS: Count = Field(
        50, description="How long to wait for a late event before reading it from the log; milliseconds."
    )
    FEED_PROBE_SECONDS: Seconds = Field(1, description="Time between checks that Redis answers; seconds.")
    FEED_DEAF_SECONDS: Seconds = Field(
        5,
        description="How long Redis may answer without delivering messages before the process resubscribes; seconds.",
    )
    FEED_POLL_SECONDS: Seconds = Field(
        5, description="Time between comparisons of followed chats with the database; seconds."
    )
    FEED_RETRY_SECONDS: Seconds = Field(
        1,
        description="Time before a failed read of a gap, or a failed subscription to Redis, is tried again; seconds.",
    )
    FEED_HELD_EVENTS: Count = Field(
        1000, description="Most events of one chat that wait for a missing earlier one; events."
    )
    FEED_HELD_BYTES: Count = Field(
        33_554_432, description="The same for all chats of one process; bytes of memory."
    )
    FEED_LOG_PAGE: Count = Field(500, description="Events read from the log at once; events.")
    FEED_RING_EVENTS: Count = Field(
        500, description="Last events of a followed chat kept in memory for clients that reconnect; events."
    )
    FEED_RING_BYTES: Count = Field(
        4_194_304,
        description="The same in bytes, and as much again for pages of older events of that chat; bytes of memory.",
    )
    FEED_RECALLED_PAGES: Count = Field(
        2,
        description="Pages of older events of a chat kept for clients that are further behind; pages of FEED_LOG_PAGE.",
    )
    STREAM_BYTES_KEPT: Count = Field(
        65_536, description="Last payloads of a selection kept for clients that catch up; bytes."
    )
    FEED_MEMORY_BYTES: Count = Field(
        268_435_456,
        description="Events and payloads of all chats that one process keeps for clients that reconnect or lag behind; "
        "bytes of memory, at least FEED_RING_BYTES.",
    )
    MAX_INBOX_CURSORS: Count = Field(2000, description="Most chats in the `since` of inboxFeed; chats.")
    FEED_RING_LINGER_SECONDS: Seconds = Field(
        30, description="How long a chat's events stay in memory after its last operation has ended; seconds."
    )
    MAX_REPLAY_EVENTS: Count = Field(
        1000,
        description="Most events replayed after `since`; with more to replay, the feed is reset; events.",
    )
    REPLAY_EVENTS_PER_TURN: Count = Field(
        50, description="Events replayed to one client before others have their turn; events."
    )
    REPLAY_HORIZON_DAYS: Count = Field(30, description="How long the log keeps events for replay; days.")
    PUBLISH_QUEUE_LENGTH: Count = Field(
        10_000, description="Most publications of one process that wait for Redis; publications."
    )

    # --- The socket
    SOCKET_ORIGINS: Texts = Field(
        [],
        description="Origins of web pages that may open a socket, besides those of CORS and the own host; `*` for all.",
    )
    SOCKETS_PER_USER: Count = Field(
        10,
        description="Most sockets of one user; one more supersedes the oldest; sockets.",
    )
    SOCKET_LEASE_SECONDS: Seconds = Field(
        60, description="How long the sockets of a crashed process stay in the registry; seconds."
    )
    DRAIN_SECONDS: float = Field(
        3, ge=0, description="Time over which a stopping process closes its sockets; seconds, 0 for at once."
    )
    DRAIN_GRACE_SECONDS: float = Field(
        5, ge=0, description="Longest wait, after that, for running mutations; seconds."
    )
    CONNECTION_INIT_TIMEOUT_SECONDS: Seconds = Field(
        10,
        description="Longest wait for connection_init, and then for the check of its credential; seconds.",
    )
    TOKEN_EXPIRY_NOTICE_SECONDS: Seconds = Field(
        60, description="How long before the end of its token a client is asked to renew it; seconds."
    )
    MAX_FRAME_BYTES: Count = Field(131_072, description="Largest frame that a client may send; bytes.")
    MAX_FRAMES_PER_SECOND: Count = Field(
        100, description="Frames that one socket may send in the long run; frames per second."
    )
    MAX_FRAME_BURST: Count = Field(
        400, description="Frames that one socket may send at once, such as when it resubscribes; frames."
    )
    MAX_FEEDS_PER_SOCKET: Count = Field(200, description="Most live subscriptions of one socket; operations.")
    MAX_RUNNING_OPERATIONS_PER_SOCKET: Count = Field(
        20, description="Most queries and mutations that run at once on one socket; operations."
    )
    SEND_WINDOW_BYTES: Count = Field(
        262_144, description="Unacknowledged output of a socket above which its feeds wait; bytes."
    )
    FLOW_PING_BYTES: Count = Field(
        65_536,
        description="Output after which a ping asks for an acknowledgement; bytes, at most SEND_WINDOW_BYTES.",
    )
    MAX_UNSENT_BYTES: Count = Field(
        4_194_304,
        description="Unacknowledged output of a socket, answers included, above which it is closed; bytes.",
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
        # Else the window could close with no ping on its way whose pong would open it again.
        if size > info.data.get("SEND_WINDOW_BYTES", size):
            raise ValueError("must be at most SEND_WINDOW_BYTES")
        return size
