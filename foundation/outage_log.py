"""Logs an outage once when it begins and once when it ends, not with every failure in between."""

import logging


class OutageLog:
    """Logs the outages of one dependency, as one module sees them."""

    def __init__(self, logger: logging.Logger, outage: str, recovery: str) -> None:
        """`outage` is the sentence to log when an outage begins, `recovery` the one after "Recovered:" when it ends."""
        self._logger = logger
        self._outage = outage
        self._recovery = recovery
        self._is_out = False

    def failed(self, error: Exception) -> None:
        """An attempt failed. The log shows the error's type, not its text, which may contain an address."""
        if not self._is_out:
            self._logger.warning("%s (%s)", self._outage, type(error).__name__)
        self._is_out = True

    def succeeded(self) -> None:
        """An attempt succeeded."""
        if self._is_out:
            self._logger.warning("Recovered: %s", self._recovery)
        self._is_out = False
