"""The seam between live feeds and the transports that carry them."""

from collections.abc import Hashable
from typing import Protocol

from schema.errors import FormattedError


class Outlet(Protocol):
    """One subscription's way out. Each method is synchronous and quick, never raises, and is called on the loop."""

    @property
    def open(self) -> bool:
        """False while the client owes more than its window: durable payloads are then held back."""

    def next(self, payload: bytes) -> None:
        """A durable payload: the JSON of an execution result."""

    def replace(self, key: Hashable, payload: bytes) -> None:
        """An ephemeral payload; while the outlet is closed only the latest one of each key is kept."""

    def complete(self) -> None:
        """The operation has ended; no call follows."""

    def fail(self, errors: list[FormattedError]) -> None:
        """The operation has ended with errors; no call follows."""


class LiveOperation(Protocol):
    """A running subscription, as its transport holds it."""

    def resume(self) -> None:
        """The outlet is open again: go on from where it closed."""

    def stop(self) -> None:
        """The client has completed it or is gone. May be called again; no call of the outlet follows."""
