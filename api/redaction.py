"""Keeps credentials out of the logs of server programs.

A handshake may carry its token or ticket in the query string, and uvicorn logs the whole address of each socket.
"""

import logging
import re

_SECRETS = re.compile(r"(?<=[?&;])(JWT|ticket)=[^&;\s\"']*", re.IGNORECASE)
_LOGGERS = ("uvicorn.error", "uvicorn.access", "daphne.server", "daphne.access", "django.channels.server")


class HideCredentials(logging.Filter):
    """Replaces the values of `JWT` and `ticket` in the arguments and the text of a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, without its secrets."""
        record.msg = _hide(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(_hide(argument) for argument in record.args)
        elif isinstance(record.args, dict):
            record.args = {name: _hide(value) for name, value in record.args.items()}
        return True


def _hide(value: object) -> object:
    return _SECRETS.sub(r"\1=...", value) if isinstance(value, str) else value


def hide_credentials_in_server_logs() -> None:
    """Filter the server programs' own loggers; they set their handlers themselves, so only a filter is safe."""
    for name in _LOGGERS:
        server_logger = logging.getLogger(name)
        if not any(isinstance(one, HideCredentials) for one in server_logger.filters):
            server_logger.addFilter(HideCredentials())
