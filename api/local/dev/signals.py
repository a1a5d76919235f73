"""Handles SIGINT and SIGTERM while Parlor starts: they end it, but never before a started server can be stopped."""

import contextlib
import logging
import signal
from collections.abc import Iterator
from types import FrameType


class Stopped(BaseException):
    """SIGINT or SIGTERM came. Parlor shuts down, and ignores both meanwhile."""


class StartSignals:
    """The handlers of both signals, until the server installs its own."""

    def __init__(self) -> None:
        self._is_deferred = False
        self._is_pending = False

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Raise Stopped inside the block when a signal comes, and swallow it at the end of the block."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with contextlib.suppress(Stopped):
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Raise Stopped only at the end of the block."""
        self._is_deferred = True
        try:
            yield
        finally:
            self._is_deferred = False
            if self._is_pending:
                raise Stopped

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        ignore_signals()
        # The exception may interrupt a statement, and the pool would warn about the connection that it gets back.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        if self._is_deferred:
            self._is_pending = True
        else:
            raise Stopped


def ignore_signals() -> None:
    """Ignore both signals: a second Ctrl-C must not interrupt the shutdown."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
