"""The variables of a process: deployment, PostgreSQL and Redis, identity, and rate limits."""

from pathlib import Path

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from api.config.values import Count, Deployment, Folder, Networks, Rate, Seconds, Texts

DEVELOPMENT_SECRET_KEY = "development-only-and-public-so-never-in-production"  # noqa: S105 - refused in production
MIN_SIGNING_KEY_LENGTH = 32  # RFC 7518 section 3.2: a key at least as long as the hash


class ProcessVariables(BaseModel):
    """The process and its servers, identity and rate limits."""

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
        ["localhost", "127.0.0.1", "[::1]"], description="Host names that Parlor serves, separated by commas."
    )
    CORS_ALLOWED_ORIGINS: Texts = Field(
        [], description="Origins of web pages on other hosts that may call the API, separated by commas."
    )
    HOST: str = Field("127.0.0.1", description="Address that `manage.py dev` listens on.")
    PORT: int = Field(8000, ge=1, le=65535, description="TCP port that `manage.py dev` listens on.")
    GC_THRESHOLD: Count = Field(
        20_000, description="New objects after which the garbage collector checks the youngest ones; objects."
    )
    LOG_LEVEL: str = Field(
        "INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG, INFO, WARNING or ERROR."
    )
    HEALTH_TIMEOUT_SECONDS: Seconds = Field(
        2, description="Longest wait of /health/ready for PostgreSQL and for Redis; seconds."
    )
    HEALTH_CACHE_SECONDS: Seconds = Field(
        1, description="How long /health/ready reuses the result of a check; seconds."
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
    SENDS_PER_CHAT: Count = Field(
        4,
        description="Sends to one chat that a process writes at once. Each locks the chat's row; further ones wait "
        "without a thread, so that a busy chat leaves threads for the others; sends.",
    )
    PASSWORD_THREADS: Count = Field(
        2, description="Threads of one process for logins and other work that hashes passwords; threads."
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
        64, description="Most connections of one process to Redis, besides the channel layer's; connections."
    )
    REDIS_TIMEOUT_SECONDS: Seconds = Field(
        5, description="Longest wait for Redis to connect or to answer; seconds."
    )

    # --- Identity
    JWT_SIGNING_KEY: str = Field(
        "",
        description="Signs tokens; at least 32 characters. Empty: SECRET_KEY signs them. A new key ends all tokens.",
    )
    ACCESS_TOKEN_SECONDS: Count = Field(900, description="Life of an access token; seconds.")
    REFRESH_TOKEN_SECONDS: Count = Field(
        2_592_000, description="Life of a refresh token, and so of an unused session; seconds."
    )
    SOCKET_TICKET_SECONDS: Count = Field(60, description="Life of an unused socket ticket; seconds.")
    SESSIONS_PER_USER: Count = Field(
        100, description="Most sessions of a user; one more ends the longest unused one; sessions."
    )
    DENYLIST_RESYNC_SECONDS: Count = Field(
        30, description="Time after which the deny-list in Redis is rebuilt from the database; seconds."
    )
    MAX_PASSWORD_LENGTH: Count = Field(256, description="Longest password; characters.")
    MAX_AUTH_BODY_BYTES: Count = Field(16_384, description="Largest body of a request below /auth/; bytes.")
    TRUSTED_PROXIES: Networks = Field(
        [],
        description="Addresses or networks of proxies whose X-Forwarded-For is trusted, separated by commas.",
    )

    # --- Rate limits
    RATE_LIMITS: bool = Field(
        True, description="Apply the rate limits below: `true` or `false` (for benchmarks)."
    )
    RATE_LOGIN_PER_ADDRESS: Rate = Field("30/minute", description="Logins from one address; count/period.")
    RATE_LOGIN_PER_USERNAME: Rate = Field("10/minute", description="Logins as one user; count/period.")
    RATE_REGISTER_PER_ADDRESS: Rate = Field(
        "20/hour", description="Registrations from one address; count/period."
    )
    RATE_REFRESH_PER_ADDRESS: Rate = Field(
        "120/minute", description="Refreshes and verifications of tokens from one address; count/period."
    )
    RATE_PASSWORD_PER_USER: Rate = Field(
        "10/minute", description="Attempts of one user to change the password; count/period."
    )
    RATE_TICKET_PER_USER: Rate = Field("60/minute", description="Socket tickets of one user; count/period.")
    RATE_TYPING_PER_USER: Rate = Field("60/10 seconds", description="setTyping of one user; count/period.")
    RATE_SEND_PER_USER: Rate = Field(
        "100/10 seconds", description="Messages that one user sends or changes; count/period."
    )
    RATE_CHATS_PER_USER: Rate = Field("60/minute", description="Changes to chats by one user; count/period.")

    @field_validator("JWT_SIGNING_KEY")
    @classmethod
    def _signing_key_is_long(cls, key: str) -> str:
        if 0 < len(key) < MIN_SIGNING_KEY_LENGTH:
            raise ValueError(f"must have at least {MIN_SIGNING_KEY_LENGTH} characters")
        return key

    @field_validator("DATABASE_POOL_SIZE")
    @classmethod
    def _pool_serves_all_threads(cls, size: int, info: ValidationInfo) -> int:
        if size < info.data.get("DATABASE_THREADS", 1) + info.data.get("PASSWORD_THREADS", 1):
            raise ValueError("must be at least DATABASE_THREADS and PASSWORD_THREADS together")
        return size
