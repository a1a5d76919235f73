"""Logs an outage once when it begins and once when it ends, not with every request in between."""

import logging


class OutageLog:
    """Whether one dependency is out of reach, as far as a module knows."""

    def __init__(self, logger: logging.Logger, outage: str, recovery: str) -> None:
        """`outage` and `recovery` are sentences: what an operator reads when it begins and when it ends."""
        self._logger = logger
        self._outage = outage
        self._recovery = recovery
        self._is_out = False

    def failed(self, error: Exception) -> None:
        """An attempt failed. The error's type is logged, not its text, which may hold an address."""
        if not self._is_out:
            self._logger.warning("%s (%s)", self._outage, type(error).__name__)
        self._is_out = True

    def succeeded(self) -> None:
        """An attempt succeeded."""
        if self._is_out:
            self._logger.warning("Recovered: %s", self._recovery)
        self._is_out = False
