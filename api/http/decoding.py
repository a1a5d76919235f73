"""Decodes the GraphQL request in a POST's JSON or a GET's query string, strictly."""

from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from django.conf import settings

from api.http.refusal import HttpRefused, malformed
from foundation.errors import ErrorCode
from schema.execution import OperationRequest

T = TypeVar("T")

SHA256_PREFIX = "sha256:"


class _Parameters(msgspec.Struct, rename="camel"):
    """GraphQL-over-HTTP specification, Request Parameters; `documentId` is from its appendix on persisted documents."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, object] | None = None
    extensions: dict[str, object] | None = None
    document_id: str | None = None


_PARAMETERS = msgspec.json.Decoder(_Parameters)
_MAP = msgspec.json.Decoder(dict[str, object] | None)


def decode_post(content_type: str | None, body: bytes) -> OperationRequest:
    """The request in the body of a POST. Raises HttpRefused: 415 for a type other than JSON in UTF-8, 400 for bad JSON.

    Only `application/json` is read. The three types that a web page may send to any host without asking first
    (`text/plain`, `multipart/form-data`, `application/x-www-form-urlencoded`) are refused.
    """
    _check_content_type(content_type)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise malformed("The body is not UTF-8.") from None
    if text.lstrip()[:1] == "[":
        raise malformed("Batches are not served: send one operation for each request.")
    return _request(_decode(_PARAMETERS, text, "The body"))


def decode_get(query_string: bytes) -> OperationRequest:
    """The request in the query string of a GET. Raises HttpRefused (400)."""
    if len(query_string) > settings.MAX_BODY_BYTES:
        raise HttpRefused(414, ErrorCode.TOO_LARGE, "The query string is too long: use POST.")
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100
        )
    except ValueError:  # not ASCII, percent-encoded bytes that are not UTF-8, or too many fields
        raise malformed("The query string is not URL-encoded UTF-8.") from None
    values = dict(pairs)
    return _request(
        _Parameters(
            query=values.get("query"),
            operation_name=values.get("operationName") or None,  # empty means omitted (5.3 GET)
            variables=_map(values, "variables"),
            extensions=_map(values, "extensions"),
            document_id=values.get("documentId"),
        )
    )


def _map(values: dict[str, str], name: str) -> dict[str, object] | None:
    text = values.get(name)
    return _decode(_MAP, text, name) if text else None


def _check_content_type(content_type: str | None) -> None:
    media_type, *parameters = (part.strip().lower() for part in (content_type or "").split(";"))
    if media_type != "application/json":
        raise _unsupported("Send the request as `Content-Type: application/json`.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise _unsupported("Send the request in UTF-8.")


def _unsupported(message: str) -> HttpRefused:
    return HttpRefused(415, ErrorCode.BAD_INPUT, message, ((b"accept-post", b"application/json"),))


def _decode(decoder: msgspec.json.Decoder[T], text: str, name: str) -> T:
    try:
        value = decoder.decode(text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # msgspec's own errors, and surrogates, which UTF-8 cannot encode
        raise malformed(f"{name} cannot be read as JSON of the right shape: {error}.") from None
    if text.count("{") + text.count("[") > settings.MAX_JSON_DEPTH:
        _check_depth(value)
    return value


def _check_depth(value: object) -> None:
    """Refuse nesting long before a later recursion over the variables would fail."""
    level: list[object] = [msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else value]
    for _ in range(settings.MAX_JSON_DEPTH + 1):
        level = [item for container in level for item in _items(container)]
        if not level:
            return
    raise _too_deep()


def _items(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _too_deep() -> HttpRefused:
    limit = settings.MAX_JSON_DEPTH
    return HttpRefused(
        400, ErrorCode.TOO_COMPLEX, f"The JSON is nested deeper than {limit} levels.", maxDepth=limit
    )


def _request(parameters: _Parameters) -> OperationRequest:
    extensions = parameters.extensions
    if parameters.document_id is not None:
        if parameters.query is not None:
            raise malformed("Send `query` or `documentId`, not both.")
        document_id = parameters.document_id.removeprefix(SHA256_PREFIX)
        extensions = {**(extensions or {}), "persistedQuery": {"version": 1, "sha256Hash": document_id}}
    return OperationRequest(parameters.query, parameters.operation_name, parameters.variables, extensions)
