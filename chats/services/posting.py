"""Posts a message in one SQL statement: one round trip, and a transaction of its own.

It is a prepared statement, since planning it takes several times as long as running it. The chat's row is locked until
the statement commits. So the seqs of a chat have no holes and follow the order of commits, and chats do not wait for
each other. The parts, in the order in which PostgreSQL needs them:

- `known`: the message that this sender posted under this client id before; then the parts below do nothing.
- `locked`: the chat's row, for members only, so that a non-member cannot hold the lock.
- `member`: the sender's membership, read again in its newest version (`FOR KEY SHARE` sees past the statement's
  snapshot): a removal that held the lock before us takes effect.
- `target`: the message replied to, if the sender may read it.
- `numbered`, `posted`, `logged`: the seq, the message, the event. The clock is read under the lock, so that times never
  go back.
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
), member AS MATERIALIZED (
  SELECT joined_seq FROM {membership}
  WHERE chat_id = (SELECT id FROM locked) AND user_id = %(sender)s
  FOR KEY SHARE
), target AS MATERIALIZED (
  SELECT id FROM {message}
  WHERE id = %(reply_to)s::bigint AND chat_id = %(chat)s
    AND (seq >= (SELECT joined_seq FROM member) OR NOT (SELECT history_from_join FROM locked))
), numbered AS (
  UPDATE {chat} SET last_seq = last_seq + 1, last_activity_at = greatest(last_activity_at, clock_timestamp())
  WHERE id = (SELECT id FROM locked) AND EXISTS (SELECT FROM member)
    AND (%(reply_to)s::bigint IS NULL OR EXISTS (SELECT FROM target))
  RETURNING id, last_seq, last_activity_at AS at
), posted AS (
  INSERT INTO {message} (chat_id, seq, kind, sender_id, client_id, fingerprint, text, reply_to_id, created_at)
  SELECT id, last_seq, %(kind)s::text, %(sender)s::bigint, %(client_id)s::text, %(fingerprint)s::bytea, %(text)s::text,
    %(reply_to)s::bigint, at
  FROM numbered
  RETURNING {message_columns}
), logged AS (
  INSERT INTO {event} (chat_id, seq, type, actor_id, at, message_id, removed)
  SELECT chat_id, seq, %(type)s::text, sender_id, created_at, id, false FROM posted
)
SELECT
  CASE WHEN EXISTS (SELECT FROM known)
    THEN EXISTS (SELECT FROM {membership} WHERE chat_id = %(chat)s AND user_id = %(sender)s)
    ELSE EXISTS (SELECT FROM member) END,
  EXISTS (SELECT FROM known), {public_columns}, message.*
FROM (VALUES (1)) AS one_row
LEFT JOIN (SELECT * FROM known UNION ALL SELECT * FROM posted) AS message ON true
LEFT JOIN {people} AS sender ON sender.id = message.sender_id
"""


@dataclass(frozen=True, slots=True)
class Posting:
    """The outcome. No `message` means that the sender is a non-member or that the message replied to is missing.

    `is_known`: the message was posted before under the same client id.
    """

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
    """Post, or find the message that was posted under `client_id` before. The caller has checked the input."""
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
    # The same client id was committed while we waited for the lock; ours was rolled back. Now the statement sees it.
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
    """Outside of a transaction the statement is one by itself, and a savepoint would cost round trips."""
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
