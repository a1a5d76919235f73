"""Configures logging: one line per record on stderr, with the credentials of query strings replaced."""

import logging
import re
from typing import Any

# A query string may hold a credential (`?JWT=`, `?ticket=`), and servers and Django log paths.
_SECRET = re.compile(r"(?i)\b((?:jwt|ticket|(?:access|refresh)?_?token|password|authorization)=)[^&\s\"'#]+")


class HideSecrets(logging.Filter):
    """Replaces the values of credentials in the text of every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite `record` if its text holds a credential. Always returns True."""
        text = record.getMessage()
        hidden = _SECRET.sub(r"\1***", text)
        if hidden != text:
            record.msg, record.args = hidden, None
        return True


class HideBadUtf8Tracebacks(logging.Filter):
    """Drops the traceback that uvicorn logs for a client's bad UTF-8, with which any client could fill the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite `record` if it is about bad UTF-8. Always returns True."""
        if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def filter_server_logs() -> None:
    """Add the filters to the loggers of the server programs: uvicorn logs the whole URL of every socket.

    The programs set up handlers of their own, which Django's `LOGGING` could only replace.
    """
    for name in ("uvicorn.error", "uvicorn.access", "daphne.server"):
        server_logger = logging.getLogger(name)
        for kind in (HideSecrets, HideBadUtf8Tracebacks):
            if not any(isinstance(each, kind) for each in server_logger.filters):
                server_logger.addFilter(kind())


def logging_settings(level: str) -> dict[str, Any]:
    """Django's `LOGGING` for records of `level` and above."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"hide_secrets": {"()": "api.process.logs.HideSecrets"}},
        "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["hide_secrets"]}
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Django's own handlers would bypass the filter.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            "daphne": {"level": "WARNING"},
        },
    }
