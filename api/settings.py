"""Django's settings, from the environment variables. Other packages read them through `django.conf.settings`."""

import sys
from typing import Any

from corsheaders.defaults import default_headers

from api.config import addresses
from api.config.environment import ROOT, Deployment, EnvironmentRefused, read_environment
from api.process.logs import logging_settings
from foundation.redis import connection_options

try:
    environment = read_environment()
    DATABASES = {"default": addresses.database(environment)}
except EnvironmentRefused as refusal:
    sys.exit(str(refusal))

# --- The process
BASE_DIR = ROOT
PRODUCTION = environment.ENVIRONMENT is Deployment.PRODUCTION
DEBUG = environment.DEBUG
SECRET_KEY = environment.SECRET_KEY
ALLOWED_HOSTS = environment.ALLOWED_HOSTS
HOST = environment.HOST
PORT = environment.PORT
DATA_DIR = environment.DATA_DIR
HEALTH_TIMEOUT_SECONDS = environment.HEALTH_TIMEOUT_SECONDS
HEALTH_CACHE_SECONDS = environment.HEALTH_CACHE_SECONDS
GC_THRESHOLD = environment.GC_THRESHOLD

LOGGING = logging_settings(environment.LOG_LEVEL)

ROOT_URLCONF = "api.urls"
ASGI_APPLICATION = "api.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "rest_framework_simplejwt",
    "channels",
    "strawberry_django",
    "auth.apps.AuthConfig",
    "chats.apps.ChatsConfig",
    "api.apps.ApiConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

STATIC_URL = "static/"
STATICFILES_DIRS = [("web", BASE_DIR / "web" / "dist")]  # the pages' scripts and styles, at /static/web/
CORS_ALLOWED_ORIGINS = environment.CORS_ALLOWED_ORIGINS
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION

# --- PostgreSQL and Redis
DATABASE_THREADS = environment.DATABASE_THREADS
SENDS_PER_CHAT = environment.SENDS_PER_CHAT
PASSWORD_THREADS = environment.PASSWORD_THREADS
DATABASE_POOL_SIZE = environment.DATABASE_POOL_SIZE
REDIS_URL = addresses.redis_url(environment)
REDIS_CONNECTIONS = environment.REDIS_CONNECTIONS
REDIS_TIMEOUT_SECONDS = environment.REDIS_TIMEOUT_SECONDS
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "chats.feeds.channel_layer.PubSubLayer",
        # Without these timeouts a Redis that hangs would block the one lock of the layer, and so all its users.
        "CONFIG": {"hosts": [connection_options(REDIS_URL, REDIS_TIMEOUT_SECONDS)]},
    },
}

# --- Identity
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["auth.backends.ThrottledBackend"]  # for the admin alone
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # usernames are unique by an index on LOWER(username), which the check does not see
    "staticfiles.W004",  # web/dist does not exist before `make web`, and Parlor runs without it
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "display_name", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "auth.password_changes.EndsSessions"},
]

# auth/tokens.py sets the tokens' lives.
SIMPLE_JWT = {"ALGORITHM": "HS256", "SIGNING_KEY": environment.JWT_SIGNING_KEY or environment.SECRET_KEY}
ACCESS_TOKEN_SECONDS = environment.ACCESS_TOKEN_SECONDS
REFRESH_TOKEN_SECONDS = environment.REFRESH_TOKEN_SECONDS
SOCKET_TICKET_SECONDS = environment.SOCKET_TICKET_SECONDS
SESSIONS_PER_USER = environment.SESSIONS_PER_USER
DENYLIST_RESYNC_SECONDS = environment.DENYLIST_RESYNC_SECONDS
MAX_PASSWORD_LENGTH = environment.MAX_PASSWORD_LENGTH
MAX_AUTH_BODY_BYTES = environment.MAX_AUTH_BODY_BYTES
TRUSTED_PROXIES = environment.TRUSTED_PROXIES

# --- Rate limits
RATE_LIMITS_ENABLED = environment.RATE_LIMITS
RATE_LIMITS = {
    "login_address": environment.RATE_LOGIN_PER_ADDRESS,
    "login_username": environment.RATE_LOGIN_PER_USERNAME,
    "register": environment.RATE_REGISTER_PER_ADDRESS,
    "refresh": environment.RATE_REFRESH_PER_ADDRESS,
    "password": environment.RATE_PASSWORD_PER_USER,
    "ticket": environment.RATE_TICKET_PER_USER,
    "typing": environment.RATE_TYPING_PER_USER,
    "send": environment.RATE_SEND_PER_USER,
    "chats": environment.RATE_CHATS_PER_USER,
}

# --- Chats
MAX_MESSAGE_LENGTH = environment.MAX_MESSAGE_LENGTH
MAX_TITLE_LENGTH = environment.MAX_TITLE_LENGTH
MAX_CLIENT_ID_LENGTH = environment.MAX_CLIENT_ID_LENGTH
MAX_GROUP_MEMBERS = environment.MAX_GROUP_MEMBERS
MAX_UNREAD_COUNT = environment.MAX_UNREAD_COUNT

# --- GraphQL
DEFAULT_PAGE_SIZE = environment.DEFAULT_PAGE_SIZE
MAX_PAGE_SIZE = environment.MAX_PAGE_SIZE
INTROSPECTION = environment.INTROSPECTION
MAX_QUERY_CHARACTERS = environment.MAX_QUERY_CHARACTERS
MAX_QUERY_TOKENS = environment.MAX_QUERY_TOKENS
MAX_QUERY_MERGES = environment.MAX_QUERY_MERGES
MAX_QUERY_DEPTH = environment.MAX_QUERY_DEPTH
MAX_QUERY_ALIASES = environment.MAX_QUERY_ALIASES
MAX_ROOT_FIELDS = environment.MAX_ROOT_FIELDS
LARGE_QUERY_COST = environment.LARGE_QUERY_COST
MAX_QUERY_COST = environment.MAX_QUERY_COST
MAX_LIST_ITEMS = environment.MAX_LIST_ITEMS
MAX_VARIABLE_VALUES = environment.MAX_VARIABLE_VALUES
MAX_STRING_CHARACTERS = environment.MAX_STRING_CHARACTERS
MAX_VALIDATION_ERRORS = environment.MAX_VALIDATION_ERRORS
DOCUMENT_CACHE_DOCUMENTS = environment.DOCUMENT_CACHE_DOCUMENTS
DOCUMENT_CACHE_CHARACTERS = environment.DOCUMENT_CACHE_CHARACTERS
FEED_LINGER_SECONDS = environment.FEED_LINGER_SECONDS
FEED_GAP_WAIT_MS = environment.FEED_GAP_WAIT_MS
FEED_PROBE_SECONDS = environment.FEED_PROBE_SECONDS
FEED_DEAF_SECONDS = environment.FEED_DEAF_SECONDS
FEED_POLL_SECONDS = environment.FEED_POLL_SECONDS
FEED_RETRY_SECONDS = environment.FEED_RETRY_SECONDS
FEED_HELD_EVENTS = environment.FEED_HELD_EVENTS
FEED_HELD_BYTES = environment.FEED_HELD_BYTES
FEED_LOG_PAGE = environment.FEED_LOG_PAGE
FEED_RING_EVENTS = environment.FEED_RING_EVENTS
FEED_RING_BYTES = environment.FEED_RING_BYTES
FEED_RECALLED_PAGES = environment.FEED_RECALLED_PAGES
STREAM_BYTES_KEPT = environment.STREAM_BYTES_KEPT
FEED_MEMORY_BYTES = environment.FEED_MEMORY_BYTES
MAX_INBOX_CURSORS = environment.MAX_INBOX_CURSORS
FEED_RING_LINGER_SECONDS = environment.FEED_RING_LINGER_SECONDS
MAX_REPLAY_EVENTS = environment.MAX_REPLAY_EVENTS
REPLAY_EVENTS_PER_TURN = environment.REPLAY_EVENTS_PER_TURN
REPLAY_HORIZON_DAYS = environment.REPLAY_HORIZON_DAYS
PUBLISH_QUEUE_LENGTH = environment.PUBLISH_QUEUE_LENGTH

# --- GraphQL over HTTP
GRAPHIQL = environment.GRAPHIQL
MAX_BODY_BYTES = environment.MAX_BODY_BYTES
BODY_TIMEOUT_SECONDS = environment.BODY_TIMEOUT_SECONDS
MAX_JSON_DEPTH = environment.MAX_JSON_DEPTH
MAX_STREAMS_PER_USER = environment.MAX_STREAMS_PER_USER
STREAM_WINDOW_BYTES = environment.STREAM_WINDOW_BYTES
KEEP_ALIVE_SECONDS = environment.KEEP_ALIVE_SECONDS
SLOW_CONSUMER_SECONDS = environment.SLOW_CONSUMER_SECONDS
# On a developer's machine a dev server on another port serves the web pages.
CORS_ALLOWED_ORIGIN_REGEXES = [] if PRODUCTION else [r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?\Z"]
CORS_ALLOW_HEADERS = (
    *default_headers,
    "apollo-require-preflight",
    "apollographql-client-name",
    "apollographql-client-version",
    "x-apollo-operation-id",
    "x-apollo-operation-name",
)
CORS_EXPOSE_HEADERS = ("retry-after", "www-authenticate")

# --- Persisted and trusted documents
PERSISTED_QUERIES = environment.PERSISTED_QUERIES
PERSISTED_QUERY_TTL_SECONDS = environment.PERSISTED_QUERY_TTL_SECONDS
MAX_PERSISTED_QUERIES = environment.MAX_PERSISTED_QUERIES
MAX_PERSISTED_QUERY_CHARACTERS = environment.MAX_PERSISTED_QUERY_CHARACTERS
PERSISTED_QUERY_CACHE_CHARACTERS = environment.PERSISTED_QUERY_CACHE_CHARACTERS
TRUSTED_DOCUMENTS = environment.TRUSTED_DOCUMENTS
TRUSTED_DOCUMENTS_ONLY = environment.TRUSTED_DOCUMENTS_ONLY

# --- The socket
SOCKET_ORIGINS = environment.SOCKET_ORIGINS
SOCKETS_PER_USER = environment.SOCKETS_PER_USER
SOCKET_LEASE_SECONDS = environment.SOCKET_LEASE_SECONDS
DRAIN_SECONDS = environment.DRAIN_SECONDS
DRAIN_GRACE_SECONDS = environment.DRAIN_GRACE_SECONDS
CONNECTION_INIT_TIMEOUT_SECONDS = environment.CONNECTION_INIT_TIMEOUT_SECONDS
TOKEN_EXPIRY_NOTICE_SECONDS = environment.TOKEN_EXPIRY_NOTICE_SECONDS
MAX_FRAME_BYTES = environment.MAX_FRAME_BYTES
MAX_FRAMES_PER_SECOND = environment.MAX_FRAMES_PER_SECOND
MAX_FRAME_BURST = environment.MAX_FRAME_BURST
MAX_FEEDS_PER_SOCKET = environment.MAX_FEEDS_PER_SOCKET
MAX_RUNNING_OPERATIONS_PER_SOCKET = environment.MAX_RUNNING_OPERATIONS_PER_SOCKET
SEND_WINDOW_BYTES = environment.SEND_WINDOW_BYTES
FLOW_PING_BYTES = environment.FLOW_PING_BYTES
MAX_UNSENT_BYTES = environment.MAX_UNSENT_BYTES
