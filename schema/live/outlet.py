"""The interface between live feeds and the transports that carry them."""

from collections.abc import Hashable
from typing import Protocol

from schema.errors import FormattedError


class Outlet(Protocol):
    """Where one subscription writes to. Its methods are quick, never raise, and are called on the loop."""

    @property
    def open(self) -> bool:
        """False while the client owes more than its window: the feed then holds durable payloads back."""

    def next(self, payload: bytes) -> None:
        """Send a durable payload: the JSON of an execution result."""

    def replace(self, key: Hashable, payload: bytes) -> None:
        """Send an ephemeral payload; while the outlet is closed, keep only the latest one of each key."""

    def complete(self) -> None:
        """The operation has ended; no call follows."""

    def fail(self, errors: list[FormattedError]) -> None:
        """The operation has ended with errors; no call follows."""


class LiveOperation(Protocol):
    """A running subscription, as its transport sees it."""

    def resume(self) -> None:
        """The outlet is open again: continue from where it closed."""

    def stop(self) -> None:
        """The client has completed the operation or is gone. May be called again; no call of the outlet follows."""
