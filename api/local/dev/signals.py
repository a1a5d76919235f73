"""SIGINT and SIGTERM while Parlor starts: they end it, but never between a server's start and the care for its end."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


class Stopped(BaseException):
    """SIGINT or SIGTERM came. What follows is the way out, on which both are ignored."""


class StartSignals:
    """The handlers of both signals from `caught` until a server sets its own."""

    def __init__(self) -> None:
        self._is_held = False
        self._is_pending = False

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Raise Stopped inside, wherever the signal meets it, and swallow it at the end."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with contextlib.suppress(Stopped):
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Wait with Stopped until the end of this block."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            if self._is_pending:
                raise Stopped

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        ignore_signals()
        if self._is_held:
            self._is_pending = True
        else:
            raise Stopped


def ignore_signals() -> None:
    """A second Ctrl-C must not cut the way out short."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
