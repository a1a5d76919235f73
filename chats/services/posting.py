"""Posting a message in one statement, hence in one round trip and one transaction of its own.
It is prepared, since planning it takes several times as long as running it.

The chat's row is locked until the statement commits, so the seqs of a chat are without holes and in the order of their
commits, and chats do not wait for each other. In the order in which PostgreSQL needs them:

- `known`: the message that this sender posted under this client id before; then nothing below does anything.
- `locked`: the chat's row, for members only, so that nobody else can hold it up.
- `seat`: the membership once more, now by its newest version (`FOR KEY SHARE` sees past the statement's snapshot): a
  removal that held the lock before us has its effect.
- `target`: the message replied to, if the sender may read it.
- `bumped`, `posted`, `logged`: the seq, the message, the event. The clock is read under the lock: times do not go back.
"""

import functools
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, transaction
from psycopg import errors

from chats.events import Profile
from chats.models import Chat, Event, EventType, Membership, Message, MessageKind
from chats.profiles import PUBLIC_FIELDS, profile_of_row
from foundation.prepared_statements import prepared_cursor

_CLIENT_ID_CONSTRAINT = "message_client_id_unique"
_MESSAGE_COLUMNS = tuple(str(field.column) for field in Message._meta.concrete_fields)
_MESSAGE_ATTRIBUTES = tuple(field.attname for field in Message._meta.concrete_fields)

_STATEMENT = """
WITH known AS MATERIALIZED (
  SELECT {message_columns} FROM {message} WHERE sender_id = %(sender)s AND client_id = %(client_id)s::text
), locked AS MATERIALIZED (
  SELECT id, history_from_join FROM {chat}
  WHERE id = %(chat)s AND NOT EXISTS (SELECT FROM known)
    AND EXISTS (SELECT FROM {membership} WHERE chat_id = %(chat)s AND user_id = %(sender)s)
  FOR NO KEY UPDATE
), seat AS MATERIALIZED (
  SELECT joined_seq FROM {membership}
  WHERE chat_id = (SELECT id FROM locked) AND user_id = %(sender)s
  FOR KEY SHARE
), target AS MATERIALIZED (
  SELECT id FROM {message}
  WHERE id = %(reply_to)s::bigint AND chat_id = %(chat)s
    AND (seq >= (SELECT joined_seq FROM seat) OR NOT (SELECT history_from_join FROM locked))
), bumped AS (
  UPDATE {chat} SET last_seq = last_seq + 1, last_activity_at = greatest(last_activity_at, clock_timestamp())
  WHERE id = (SELECT id FROM locked) AND EXISTS (SELECT FROM seat)
    AND (%(reply_to)s::bigint IS NULL OR EXISTS (SELECT FROM target))
  RETURNING id, last_seq, last_activity_at AS at
), posted AS (
  INSERT INTO {message} (chat_id, seq, kind, sender_id, client_id, fingerprint, text, reply_to_id, created_at)
  SELECT id, last_seq, %(kind)s::text, %(sender)s::bigint, %(client_id)s::text, %(fingerprint)s::bytea, %(text)s::text,
    %(reply_to)s::bigint, at
  FROM bumped
  RETURNING {message_columns}
), logged AS (
  INSERT INTO {event} (chat_id, seq, type, actor_id, at, message_id, removed)
  SELECT chat_id, seq, %(type)s::text, sender_id, created_at, id, false FROM posted
)
SELECT
  CASE WHEN EXISTS (SELECT FROM known)
    THEN EXISTS (SELECT FROM {membership} WHERE chat_id = %(chat)s AND user_id = %(sender)s)
    ELSE EXISTS (SELECT FROM seat) END,
  EXISTS (SELECT FROM known), {public_columns}, message.*
FROM (VALUES (1)) AS one_row
LEFT JOIN (SELECT * FROM known UNION ALL SELECT * FROM posted) AS message ON true
LEFT JOIN {people} AS sender ON sender.id = message.sender_id
"""


@dataclass(frozen=True, slots=True)
class Posting:
    """What came of it: `message` is None when nothing was posted, for want of a membership or of the reply's target."""

    is_member: bool
    is_known: bool
    message: Message | None
    sender: Profile | None


def post(
    *,
    chat_id: int,
    sender_id: int,
    text: str,
    client_id: str | None,
    fingerprint: bytes | None,
    reply_to_id: int | None,
) -> Posting:
    """Post, or find what was posted under `client_id` before. The input is checked already."""
    parameters = {
        "chat": chat_id,
        "sender": sender_id,
        "text": text,
        "client_id": client_id,
        "fingerprint": fingerprint,
        "reply_to": reply_to_id,
        "kind": MessageKind.TEXT.value,
        "type": EventType.MESSAGE_POSTED.value,
    }
    try:
        with _savepoint_if_nested():
            return _execute(parameters)
    except IntegrityError as error:
        if not _is_client_id_taken(error):
            raise
    # The same client id was committed while we waited for the lock; our seq went back. Now the statement sees it.
    return _execute(parameters)


def _execute(parameters: dict[str, Any]) -> Posting:
    with prepared_cursor() as cursor:
        cursor.execute(_statement(), parameters)
        row: Sequence[Any] | None = cursor.fetchone()
    assert row is not None
    is_member, is_known, *columns = row
    person, values = columns[: len(PUBLIC_FIELDS)], columns[len(PUBLIC_FIELDS) :]
    if values[0] is None:
        return Posting(is_member, is_known, None, None)
    message = Message.from_db(DEFAULT_DB_ALIAS, _MESSAGE_ATTRIBUTES, values)
    message.sender = get_user_model().from_db(DEFAULT_DB_ALIAS, PUBLIC_FIELDS, person)
    return Posting(is_member, is_known, message, profile_of_row(tuple(person)))


def _savepoint_if_nested() -> AbstractContextManager[None]:
    """Alone, the statement is a transaction of its own, and a savepoint would cost round trips."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _is_client_id_taken(error: IntegrityError) -> bool:
    cause = error.__cause__
    return isinstance(cause, errors.UniqueViolation) and cause.diag.constraint_name == _CLIENT_ID_CONSTRAINT


@functools.cache
def _statement() -> str:
    people = get_user_model()._meta
    column_of = {field.name: field.column for field in people.concrete_fields}
    return _STATEMENT.format(
        message_columns=", ".join(_MESSAGE_COLUMNS),
        public_columns=", ".join(f"sender.{column_of[name]}" for name in PUBLIC_FIELDS),
        message=Message._meta.db_table,
        chat=Chat._meta.db_table,
        membership=Membership._meta.db_table,
        event=Event._meta.db_table,
        people=people.db_table,
    )
