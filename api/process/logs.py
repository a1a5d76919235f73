"""What reaches the log: one line per record on stderr, with the secrets of query strings taken out."""

import logging
import re
from typing import Any

# Credentials may stand in a query string (`?JWT=`, `?ticket=`), and servers and Django write paths into their logs.
_SECRET = re.compile(r"(?i)\b((?:jwt|ticket|(?:access|refresh)?_?token|password|authorization)=)[^&\s\"'#]+")


class HideSecrets(logging.Filter):
    """Replaces the values of credentials in the text of every record that passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite `record` when its text holds a credential. Always lets it pass."""
        text = record.getMessage()
        hidden = _SECRET.sub(r"\1***", text)
        if hidden != text:
            record.msg, record.args = hidden, None
        return True


class ClientsFault(logging.Filter):
    """Takes the traceback from what uvicorn says of a client's bad UTF-8, with which anybody could fill the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite `record` when it is such a one. Always lets it pass."""
        if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def tidy_logs_of_servers() -> None:
    """Filter what server programs log by themselves: uvicorn writes the whole address of every socket.

    They set up handlers of their own, which Django's `LOGGING` would only take away.
    """
    for name in ("uvicorn.error", "uvicorn.access", "daphne.server"):
        server_logger = logging.getLogger(name)
        for kind in (HideSecrets, ClientsFault):
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
            # Django's own handlers would write past the filter.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            "daphne": {"level": "WARNING"},
        },
    }
