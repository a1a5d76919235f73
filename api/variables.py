"""Every variable that Parlor reads from its environment: its type, unit, bounds and default.

Real variables win over the optional `.env` file. `.env.example` is made of this class (`make schema`). A new
variable goes into the section of its subject.
"""

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.values import Count, Deployment, Folder, Networks, OptionalFile, Rate, Seconds, Texts

DEVELOPMENT_SECRET_KEY = "development-only-and-public-so-never-in-production"  # noqa: S105 - refused in production
SHORTEST_SIGNING_KEY = 32  # RFC 7518 section 3.2: a key of the hash's size or more


class Environment(BaseSettings):
    """The variables, by subject. Built by `api.environment.read_environment`, which turns errors into a sentence."""

    model_config = SettingsConfigDict(
        env_file_encoding="utf-8", extra="ignore", case_sensitive=True, env_ignore_empty=True
    )

    # --- The process
    ENVIRONMENT: Deployment = Field(
        Deployment.DEVELOPMENT,
        description="`development` or `production`; production refuses unsafe settings.",
    )
    DEBUG: bool = Field(False, description="Django's debug pages: `true` or `false`. Refused in production.")
    SECRET_KEY: str = Field(
        DEVELOPMENT_SECRET_KEY, description="Signs tokens and sessions; at least 50 characters in production."
    )
    ALLOWED_HOSTS: Texts = Field(
        ["localhost", "127.0.0.1", "[::1]"], description="Host names that are served, separated by commas."
    )
    CORS_ALLOWED_ORIGINS: Texts = Field(
        [], description="Origins of web pages on other hosts that may call the API, separated by commas."
    )
    HOST: str = Field("127.0.0.1", description="Address that `manage.py dev` listens on.")
    PORT: int = Field(8000, ge=1, le=65535, description="TCP port that `manage.py dev` listens on.")
    GC_THRESHOLD: Count = Field(
        20_000, description="New objects between two looks of the garbage collector at young ones; objects."
    )
    LOG_LEVEL: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR."
    )

    # --- PostgreSQL and Redis
    DATA_DIR: Folder = Field(
        Path(".local"),
        validate_default=True,
        description="Folder of the private PostgreSQL and Redis that run when the two URLs are unset.",
    )
    DATABASE_URL: str = Field("", description="PostgreSQL, as `postgresql://user:password@host:port/name`.")
    DATABASE_THREADS: Count = Field(
        8, description="Threads of one process for database work of sockets and feeds; threads."
    )
    PASSWORD_THREADS: Count = Field(
        2, description="Threads of one process for logins and all else that hashes passwords; threads."
    )
    DATABASE_POOL_SIZE: Count = Field(
        16,
        description="Most connections of one process to PostgreSQL; connections, at least one for each thread.",
    )
    DATABASE_POOL_TIMEOUT_SECONDS: Seconds = Field(
        10, description="Longest wait for a free connection; seconds."
    )
    REDIS_URL: str = Field("", description="Redis, as `redis://host:port/number` or `unix:///path`.")
    REDIS_CONNECTIONS: Count = Field(
        64, description="Most connections of one process to Redis, beside the channel layer's; connections."
    )
    REDIS_TIMEOUT_SECONDS: Seconds = Field(
        5, description="Longest wait for Redis to connect or to answer; seconds."
    )

    # --- Identity
    JWT_SIGNING_KEY: str = Field(
        "",
        description="Signs tokens, at least 32 characters; empty: SECRET_KEY does. A new one ends all tokens.",
    )
    ACCESS_TOKEN_SECONDS: Count = Field(900, description="Life of an access token; seconds.")
    REFRESH_TOKEN_SECONDS: Count = Field(
        2_592_000, description="Life of a refresh token, and so of a session that is not used; seconds."
    )
    SOCKET_TICKET_SECONDS: Count = Field(60, description="Life of a socket ticket that is not used; seconds.")
    SESSIONS_PER_USER: Count = Field(
        100, description="Most sessions of a user; one more ends the longest unused; sessions."
    )
    DENYLIST_RESYNC_SECONDS: Count = Field(
        30, description="Time after which the deny-list in Redis is read anew from the database; seconds."
    )
    MAX_PASSWORD_LENGTH: Count = Field(256, description="Longest password; characters.")
    MAX_AUTH_BODY_BYTES: Count = Field(16_384, description="Largest body of a request below /auth/; bytes.")
    TRUSTED_PROXIES: Networks = Field(
        [],
        description="Addresses or networks of proxies whose X-Forwarded-For is believed, separated by commas.",
    )

    # --- Rate limits
    RATE_LIMITS: bool = Field(True, description="Apply the rates below: `true` or `false` (for benchmarks).")
    RATE_LOGIN_PER_ADDRESS: Rate = Field("30/minute", description="Logins from one address; count/period.")
    RATE_LOGIN_PER_USERNAME: Rate = Field("10/minute", description="Logins as one user; count/period.")
    RATE_REGISTER_PER_ADDRESS: Rate = Field(
        "20/hour", description="Registrations from one address; count/period."
    )
    RATE_REFRESH_PER_ADDRESS: Rate = Field(
        "120/minute", description="Refreshes and checks of tokens from one address; count/period."
    )
    RATE_PASSWORD_PER_USER: Rate = Field(
        "10/minute", description="Attempts of one user to change the password; count/period."
    )
    RATE_TICKET_PER_USER: Rate = Field("60/minute", description="Socket tickets of one user; count/period.")
    RATE_TYPING_PER_USER: Rate = Field("60/10 seconds", description="setTyping of one user; count/period.")
    RATE_SEND_PER_USER: Rate = Field("100/10 seconds", description="Messages sent or changed; count/period.")
    RATE_CHATS_PER_USER: Rate = Field("60/minute", description="Changes to chats by one user; count/period.")

    # --- Chats
    MAX_MESSAGE_LENGTH: Count = Field(4000, description="Longest text of a message; characters.")
    MAX_TITLE_LENGTH: Count = Field(120, description="Longest title of a group; characters.")
    MAX_CLIENT_ID_LENGTH: Count = Field(
        100, description="Longest `clientId` that a client may choose; characters."
    )
    MAX_GROUP_MEMBERS: Count = Field(500, description="Most members of a group, its owner included; people.")

    # --- GraphQL
    DEFAULT_PAGE_SIZE: Count = Field(50, description="Nodes on a page when a query names no number; nodes.")
    MAX_PAGE_SIZE: Count = Field(100, description="Most nodes on a page; nodes.")

    # --- Documents and what they may ask for
    INTROSPECTION: bool = Field(True, description="Answer introspection queries: `true` or `false`.")
    MAX_QUERY_CHARACTERS: Count = Field(65_536, description="Longest document; characters.")
    MAX_QUERY_TOKENS: Count = Field(4000, description="Most tokens of a document; tokens.")
    MAX_QUERY_DEPTH: Count = Field(15, description="Deepest nesting of a selection; levels.")
    MAX_QUERY_ALIASES: Count = Field(30, description="Most aliases of an operation; aliases.")
    MAX_ROOT_FIELDS: Count = Field(20, description="Most root fields of an operation; fields.")
    LARGE_QUERY_COST: Count = Field(2000, description="From here on a query runs on a thread apart; values.")
    MAX_QUERY_COST: Count = Field(
        50_000, description="Most values that an operation may ask for, pages counted whole; values."
    )
    MAX_VALIDATION_ERRORS: Count = Field(20, description="Errors reported for one document; errors.")
    DOCUMENT_CACHE_DOCUMENTS: Count = Field(
        1000, description="Validated documents that one process keeps; documents."
    )
    DOCUMENT_CACHE_CHARACTERS: Count = Field(
        4_194_304, description="Validated documents that one process keeps; characters of all of them."
    )

    # --- Feeds
    FEED_LINGER_SECONDS: Seconds = Field(
        1, description="How long a chat is followed after its last listener left; seconds."
    )
    FEED_GAP_WAIT_MS: Count = Field(
        50, description="How long a missing event may be late before it is read from the log; milliseconds."
    )
    FEED_PROBE_SECONDS: Seconds = Field(1, description="Time between looks at Redis; seconds.")
    FEED_POLL_SECONDS: Seconds = Field(
        5, description="Time between comparisons of followed chats with the database; seconds."
    )
    FEED_RETRY_SECONDS: Seconds = Field(
        1, description="Time between attempts to read a gap while the database is away; seconds."
    )
    FEED_HELD_EVENTS: Count = Field(
        1000, description="Events of one chat held back while an earlier one is missing; events."
    )
    FEED_LOG_PAGE: Count = Field(500, description="Events read from the log at once; events.")
    FEED_RING_EVENTS: Count = Field(
        500, description="Last events of a followed chat kept for clients that reconnect; events."
    )
    FEED_RECALLED_PAGES: Count = Field(
        2,
        description="Pages of a chat's log kept for clients that are further behind; pages of FEED_LOG_PAGE.",
    )
    STREAM_BYTES_KEPT: Count = Field(
        65_536, description="Last payloads of a feed's selection kept for clients that catch up; bytes."
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

    # --- GraphQL over HTTP
    GRAPHIQL: bool = Field(True, description="Serve the GraphiQL page to browsers: `true` or `false`.")
    MAX_BODY_BYTES: Count = Field(1_048_576, description="Largest body or query string of a request; bytes.")
    BODY_TIMEOUT_SECONDS: Seconds = Field(30, description="Longest wait for the whole of a body; seconds.")
    MAX_JSON_DEPTH: Count = Field(40, description="Deepest nesting of a request's JSON; levels.")
    MAX_STREAMS_PER_USER: Count = Field(
        10, description="Most streamed subscriptions of one user in one process; streams."
    )
    STREAM_WINDOW_BYTES: Count = Field(
        262_144, description="What a streamed subscription may owe its client before it is held back; bytes."
    )
    KEEP_ALIVE_SECONDS: Seconds = Field(
        20, description="Time between signs of life on an idle stream or socket; seconds."
    )
    SLOW_CONSUMER_SECONDS: Seconds = Field(
        30, description="How long a client may leave what it asked for unread before it is dropped; seconds."
    )

    # --- Persisted and trusted documents
    PERSISTED_QUERIES: bool = Field(True, description="Serve automatic persisted queries: `true` or `false`.")
    PERSISTED_QUERY_TTL_SECONDS: Count = Field(
        604_800, description="Life of a persisted query after its last read from Redis; seconds."
    )
    MAX_PERSISTED_QUERIES: Count = Field(10_000, description="Most persisted queries in Redis; documents.")
    MAX_PERSISTED_QUERY_CHARACTERS: Count = Field(16_384, description="Longest persisted query; characters.")
    PERSISTED_QUERY_CACHE_CHARACTERS: Count = Field(
        2_097_152,
        description="Persisted queries that one process keeps in memory; characters of all of them.",
    )
    TRUSTED_DOCUMENTS: OptionalFile = Field(
        None, description="JSON file of trusted documents, sha256 -> document; empty for none."
    )
    TRUSTED_DOCUMENTS_ONLY: bool = Field(
        False, description="Execute nothing but trusted documents: `true` or `false`."
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

    @field_validator("JWT_SIGNING_KEY")
    @classmethod
    def _signing_key_is_long(cls, key: str) -> str:
        if 0 < len(key) < SHORTEST_SIGNING_KEY:
            raise ValueError(f"must have at least {SHORTEST_SIGNING_KEY} characters")
        return key

    @field_validator("TRUSTED_DOCUMENTS_ONLY")
    @classmethod
    def _something_is_trusted(cls, only: bool, info: ValidationInfo) -> bool:
        if only and info.data.get("TRUSTED_DOCUMENTS") is None:
            raise ValueError("needs TRUSTED_DOCUMENTS, or nothing could be executed")
        return only

    @field_validator("DATABASE_POOL_SIZE")
    @classmethod
    def _pool_serves_all_threads(cls, size: int, info: ValidationInfo) -> int:
        if size < info.data.get("DATABASE_THREADS", 1) + info.data.get("PASSWORD_THREADS", 1):
            raise ValueError("must be at least DATABASE_THREADS and PASSWORD_THREADS together")
        return size

    @field_validator("FLOW_PING_BYTES")
    @classmethod
    def _window_holds_a_ping(cls, size: int, info: ValidationInfo) -> int:
        # Else a socket could close its window with no ping on its way to open it again.
        if size > info.data.get("SEND_WINDOW_BYTES", size):
            raise ValueError("must be at most SEND_WINDOW_BYTES")
        return size
