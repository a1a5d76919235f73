"""Runs operations in this process as a transport does, and counts their queries."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps

from auth.identity import Identity
from auth.models import User
from schema import execution
from schema.context import Context
from schema.documents.prepared import prepare
from schema.execution import OperationRequest, RequestRefused
from schema.ids import encode_id

Json = dict[str, Any]


def identity_of(user: User) -> Identity:
    """The identity of a user who has just logged in."""
    now = datetime.now(UTC)
    return Identity(user.pk, "session", "token", now + timedelta(hours=1), now)


def context_of(user: User | None) -> Context:
    """The context of one operation; without a user, nobody is logged in."""
    return Context(identity=None if user is None else identity_of(user))


async def execute(viewer: User | None, query: str, /, **variables: object) -> Json:
    """The whole response."""
    prepared = prepare(OperationRequest(query, variables=variables))
    body: Json = json.loads(await execution.execute(prepared, context_of(viewer)))
    return body


async def data_of(viewer: User | None, query: str, /, **variables: object) -> Json:
    """`data` of a response that must have no errors."""
    body = await execute(viewer, query, **variables)
    assert "errors" not in body, body["errors"]
    data: Json = body["data"]
    return data


async def error_of(viewer: User | None, query: str, /, **variables: object) -> Json:
    """The one error of an operation without data, whether the request or a resolver refused it."""
    try:
        body = await execute(viewer, query, **variables)
    except RequestRefused as refusal:
        (error,) = refusal.errors
        return error
    assert not any((body["data"] or {}).values()), body
    (found,) = body["errors"]
    return dict(found)


async def code_of(viewer: User | None, query: str, /, **variables: object) -> str:
    """`extensions.code` of that error."""
    return str((await error_of(viewer, query, **variables))["extensions"]["code"])


def ids(*rows: Any) -> list[str]:
    """Global ids."""
    return [encode_id(type(row).__name__, row.pk) for row in rows]


def count_rows() -> dict[str, int]:
    """The number of rows in each table of `chats` and `auth`."""
    models = [model for label in ("chats", "accounts") for model in apps.get_app_config(label).get_models()]
    return {model.__name__: model._default_manager.count() for model in models}
