"""Turns events into the objects that GraphQL resolves: snapshots become unsaved rows, so that no query is needed."""

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import strawberry

from auth.models import User as UserRow
from chats import events, models
from schema.ids import encode_id
from schema.live.compiling.event_types import EVENT_CLASSES, attribute_types, type_of_id
from schema.types import events as types
from schema.types import inbox

FeedEvent = events.Event | types.FeedReady | types.FeedReset | inbox.ChatAdded
GraphQLObject = types.FeedReady | types.CommonFeedEvent | inbox.ChatAdded

# From the event and one of its attributes to the value of the GraphQL object.
Convert = Callable[[Any, Any], Any]


def has_graphql_type(event: events.Event) -> bool:
    """Whether feeds carry events of this type."""
    return type(event) in EVENT_CLASSES


def as_graphql_object(event: FeedEvent) -> GraphQLObject:
    """The GraphQL object of an event: an instance of the Strawberry class with the same name."""
    event_type: type = type(event)
    object_class = EVENT_CLASSES.get(event_type)
    if object_class is None:  # it is one already
        return cast(GraphQLObject, event)
    values = {name: convert(event, getattr(event, name)) for name, convert in _converters(event_type).items()}
    return cast(GraphQLObject, object_class(**values))


def feed_ready(chat_id: int, seq: int, replayed: int) -> types.FeedReady:
    """The feed starts after `seq`."""
    return types.FeedReady(chat_id=_global_id("Chat", chat_id), seq=seq, replayed=replayed)


def feed_reset(chat_id: int, seq: int, reason: types.FeedResetReason) -> types.FeedReset:
    """The feed starts anew after `seq`."""
    return types.FeedReset(chat_id=_global_id("Chat", chat_id), seq=seq, reason=reason)


def chat_cursor(chat_id: int, seq: int, unread_count: int) -> inbox.ChatCursor:
    """A chat of an inbox, whose events after `seq` follow."""
    return inbox.ChatCursor(chat_id=_global_id("Chat", chat_id), seq=seq, unread_count=unread_count)


def chat_removed(chat_id: int) -> inbox.ChatRemoved:
    """A chat that the viewer is no longer a member of."""
    return inbox.ChatRemoved(chat_id=_global_id("Chat", chat_id))


@cache
def _converters(event_type: type) -> dict[str, Convert]:
    """How each attribute of an event of this type becomes one of its GraphQL object."""
    object_attributes = attribute_types(EVENT_CLASSES[event_type])
    return {
        name: _converter(name, python_type, object_attributes[name][0])
        for name, (python_type, _may_be_none) in attribute_types(event_type).items()
    }


def _converter(name: str, python_type: Any, object_type: Any) -> Convert:
    to_row = _ROWS.get(python_type)
    if to_row is not None:
        return lambda event, value: None if value is None else to_row(value, event.chat_id)
    if object_type is strawberry.ID:
        noun = type_of_id(name)
        assert noun is not None, f"{name} names no GraphQL type"
        return lambda _event, value: None if value is None else _global_id(noun, value)
    return lambda _event, value: value


def _global_id(noun: str, key: int) -> strawberry.ID:
    return strawberry.ID(encode_id(noun, key))


def _user_row(profile: events.Profile, _chat_id: int) -> UserRow:
    return UserRow(
        id=profile.user_id,
        username=profile.username,
        display_name=profile.display_name,
        avatar_url=profile.avatar_url,
        is_bot=profile.is_bot,
    )


def _message_row(snapshot: events.MessageSnapshot, chat_id: int) -> models.Message:
    return models.Message(
        id=snapshot.id,
        chat_id=snapshot.chat_id,
        seq=snapshot.seq,
        kind=snapshot.kind,
        client_id=snapshot.client_id,
        sender=None if snapshot.sender is None else _user_row(snapshot.sender, chat_id),
        text=snapshot.text,
        reply_to_id=snapshot.reply_to_id,
        created_at=snapshot.created_at,
        edited_at=snapshot.edited_at,
        deleted_at=snapshot.deleted_at,
    )


def _membership_row(snapshot: events.MemberSnapshot, chat_id: int) -> models.Membership:
    return models.Membership(
        chat_id=chat_id,
        user=_user_row(snapshot.user, chat_id),
        role=snapshot.role,
        joined_at=snapshot.joined_at,
        joined_seq=snapshot.joined_seq,
        last_read_seq=snapshot.last_read_seq,
        last_delivered_seq=snapshot.last_delivered_seq,
    )


_ROWS: dict[type, Callable[[Any, int], Any]] = {
    events.Profile: _user_row,
    events.MessageSnapshot: _message_row,
    events.MemberSnapshot: _membership_row,
}
