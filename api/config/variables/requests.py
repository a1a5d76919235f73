"""The variables that limit requests, over HTTP and over sockets."""

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from api.config.values import Count, OptionalFile, Seconds


class RequestVariables(BaseModel):
    """Texts, pages, documents and bodies."""

    # --- Chats
    MAX_MESSAGE_LENGTH: Count = Field(4000, description="Longest text of a message; characters.")
    MAX_TITLE_LENGTH: Count = Field(120, description="Longest title of a group; characters.")
    MAX_CLIENT_ID_LENGTH: Count = Field(
        100, description="Longest `clientId` that a client may choose; characters."
    )
    MAX_UNREAD_COUNT: Count = Field(
        1000,
        description="Highest count of unread messages or chats; larger counts show as this one; messages.",
    )
    MAX_GROUP_MEMBERS: Count = Field(500, description="Most members of a group, its owner included; members.")

    # --- GraphQL
    DEFAULT_PAGE_SIZE: Count = Field(50, description="Nodes on a page when a query gives no number; nodes.")
    MAX_PAGE_SIZE: Count = Field(100, description="Most nodes on a page; nodes.")

    # --- Limits of documents and variables
    INTROSPECTION: bool = Field(True, description="Answer introspection queries: `true` or `false`.")
    MAX_QUERY_CHARACTERS: Count = Field(65_536, description="Longest document; characters.")
    MAX_QUERY_TOKENS: Count = Field(2000, description="Most tokens of a document; tokens.")
    MAX_QUERY_MERGES: Count = Field(
        2000, description="Most pairs of fields or fragments of a document that must be merged; pairs."
    )
    MAX_QUERY_DEPTH: Count = Field(15, description="Deepest nesting of a selection; levels.")
    MAX_QUERY_ALIASES: Count = Field(30, description="Most aliases of an operation; aliases.")
    MAX_ROOT_FIELDS: Count = Field(20, description="Most root fields of an operation; fields.")
    LARGE_QUERY_COST: Count = Field(
        2000, description="Cost from which a query runs on a thread of its own; values."
    )
    MAX_QUERY_COST: Count = Field(
        50_000, description="Most values that an operation may return, with full pages; values."
    )
    MAX_LIST_ITEMS: Count = Field(
        2000, description="Most items of a list, and most fields of an object, in a request; items."
    )
    MAX_VARIABLE_VALUES: Count = Field(
        10_000, description="Most values in the variables of a request, nested ones included; values."
    )
    MAX_STRING_CHARACTERS: Count = Field(
        65_536, description="Longest text in the variables of a request; characters."
    )
    MAX_VALIDATION_ERRORS: Count = Field(5, description="Errors reported for one document; errors.")
    DOCUMENT_CACHE_DOCUMENTS: Count = Field(
        1000, description="Validated documents that one process keeps; documents."
    )
    DOCUMENT_CACHE_CHARACTERS: Count = Field(
        4_194_304, description="Validated documents that one process keeps; characters in total."
    )

    # --- GraphQL over HTTP
    GRAPHIQL: bool = Field(True, description="Serve the GraphiQL page to browsers: `true` or `false`.")
    MAX_BODY_BYTES: Count = Field(1_048_576, description="Largest body or query string of a request; bytes.")
    BODY_TIMEOUT_SECONDS: Seconds = Field(30, description="Longest wait for a complete body; seconds.")
    MAX_JSON_DEPTH: Count = Field(40, description="Deepest nesting of a request's JSON; levels.")
    MAX_STREAMS_PER_USER: Count = Field(
        10, description="Most streamed subscriptions of one user in one process; streams."
    )
    STREAM_WINDOW_BYTES: Count = Field(
        262_144, description="Unsent output of a streamed subscription above which its feed waits; bytes."
    )
    KEEP_ALIVE_SECONDS: Seconds = Field(
        20, description="Time between heartbeats on an idle stream or socket; seconds."
    )
    SLOW_CONSUMER_SECONDS: Seconds = Field(
        30, description="How long a client may leave its output unread before it is dropped; seconds."
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
        description="Persisted queries that one process keeps in memory; characters in total.",
    )
    TRUSTED_DOCUMENTS: OptionalFile = Field(
        None, description="JSON file of trusted documents, sha256 -> document; empty for none."
    )
    TRUSTED_DOCUMENTS_ONLY: bool = Field(
        False, description="Execute only trusted documents: `true` or `false`."
    )

    @field_validator("TRUSTED_DOCUMENTS_ONLY")
    @classmethod
    def _something_is_trusted(cls, only: bool, info: ValidationInfo) -> bool:
        if only and info.data.get("TRUSTED_DOCUMENTS") is None:
            raise ValueError("needs TRUSTED_DOCUMENTS, or nothing could be executed")
        return only
