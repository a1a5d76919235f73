"""An outage is said once when it begins and once when it ends, not with every request between."""

import logging


class Outage:
    """What a module knows of one thing that it needs and that may be out of reach."""

    def __init__(self, logger: logging.Logger, consequence: str) -> None:
        """`consequence` is a sentence: what happens meanwhile."""
        self._logger = logger
        self._consequence = consequence
        self._reported = False

    def report(self, error: Exception) -> None:
        """Something failed. The error's type is logged and not its text, which may hold an address."""
        if not self._reported:
            self._logger.warning("%s (%s)", self._consequence, type(error).__name__)
        self._reported = True

    def over(self) -> None:
        """Something worked."""
        if self._reported:
            self._logger.warning("It is over: %s", self._consequence)
        self._reported = False
