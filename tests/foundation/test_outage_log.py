"""OutageLog: one line when an outage begins and one when it ends."""

import logging

import pytest

from foundation.outage_log import OutageLog

logger = logging.getLogger(__name__)


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    outage = OutageLog(logger, "The mail server is out of reach.", "mails are sent again.")
    outage.succeeded()
    for _ in range(2):
        outage.failed(OSError("a secret address"))
        outage.failed(TimeoutError())
        outage.succeeded()
        outage.succeeded()
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert (
        logged
        == [
            ("WARNING", "The mail server is out of reach. (OSError)"),
            ("WARNING", "Recovered: mails are sent again."),
        ]
        * 2
    )
