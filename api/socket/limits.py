"""The limits of one socket, read from the settings."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """The limits of one socket; the settings of the same names describe each one and its unit."""

    connection_init_timeout_seconds: float
    keep_alive_seconds: float
    max_frame_bytes: int
    max_frames_per_second: int
    max_frame_burst: int
    max_feeds: int
    max_running_operations: int
    flow_ping_bytes: int
    send_window_bytes: int
    max_unsent_bytes: int
    slow_consumer_seconds: float
    token_expiry_notice_seconds: float

    @classmethod
    def from_settings(cls) -> "SocketLimits":
        """The limits that the environment sets."""
        return cls(
            connection_init_timeout_seconds=settings.CONNECTION_INIT_TIMEOUT_SECONDS,
            keep_alive_seconds=settings.KEEP_ALIVE_SECONDS,
            max_frame_bytes=settings.MAX_FRAME_BYTES,
            max_frames_per_second=settings.MAX_FRAMES_PER_SECOND,
            max_frame_burst=settings.MAX_FRAME_BURST,
            max_feeds=settings.MAX_FEEDS_PER_SOCKET,
            max_running_operations=settings.MAX_RUNNING_OPERATIONS_PER_SOCKET,
            flow_ping_bytes=settings.FLOW_PING_BYTES,
            send_window_bytes=settings.SEND_WINDOW_BYTES,
            max_unsent_bytes=settings.MAX_UNSENT_BYTES,
            slow_consumer_seconds=settings.SLOW_CONSUMER_SECONDS,
            token_expiry_notice_seconds=settings.TOKEN_EXPIRY_NOTICE_SECONDS,
        )
