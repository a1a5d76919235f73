"""The log: no credentials of query strings, no tracebacks for bad UTF-8."""

import logging

import pytest

from api.process.logs import HideBadUtf8Tracebacks, HideSecrets, filter_server_logs


@pytest.mark.parametrize(
    ("written", "hidden"),
    [
        ("GET /graphql/?JWT=abc.def.ghi&x=1", "GET /graphql/?JWT=***&x=1"),
        ("/graphql/?x=1&ticket=abc", "/graphql/?x=1&ticket=***"),
        ("/a?access_token=abc", "/a?access_token=***"),
        ("/a?token=abc HTTP/1.1", "/a?token=*** HTTP/1.1"),
        ("/a?tickets=3", "/a?tickets=3"),
    ],
)
def test_only_the_value_of_a_credential_is_hidden(written: str, hidden: str) -> None:
    record = logging.LogRecord(
        "django.request", logging.WARNING, __file__, 1, "Not Found: %s", (written,), None
    )
    assert HideSecrets().filter(record)
    assert record.getMessage() == f"Not Found: {hidden}"


def test_djangos_request_log_passes_the_filter() -> None:
    handlers = [*logging.getLogger("django.request").handlers, *logging.getLogger("django").handlers]
    assert handlers == []
    (ours,) = (handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler)
    assert any(isinstance(each, HideSecrets) for each in ours.filters)


def test_bad_utf8_of_a_client_logs_no_traceback() -> None:
    def record_of(error: Exception) -> logging.LogRecord:
        info = (type(error), error, None)
        return logging.LogRecord("uvicorn.error", logging.ERROR, __file__, 1, "Invalid", (), info)

    clients = record_of(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"))
    ours = record_of(ZeroDivisionError())
    assert HideBadUtf8Tracebacks().filter(clients)
    assert HideBadUtf8Tracebacks().filter(ours)
    assert (clients.exc_info, clients.levelname) == (None, "INFO")
    assert (ours.exc_info is None, ours.levelname) == (False, "ERROR")


def test_the_loggers_of_servers_get_each_filter_once() -> None:
    filter_server_logs()
    filter_server_logs()
    kinds = [type(each) for each in logging.getLogger("uvicorn.error").filters]
    assert (kinds.count(HideSecrets), kinds.count(HideBadUtf8Tracebacks)) == (1, 1)
