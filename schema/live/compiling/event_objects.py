"""Domain events as the objects that GraphQL resolves: unsaved rows filled from snapshots, so that no query is due."""

from typing import Any, cast

import strawberry

from auth.models import User as UserRow
from chats import events, models
from schema.ids import encode_id
from schema.types import events as types
from schema.types import inbox
from schema.types.users import User

FeedEvent = events.DurableEvent | events.TypingChanged | types.FeedReady | types.FeedReset | inbox.ChatAdded
Presented = types.ChatEvent | types.TypingChanged | types.FeedReady | types.FeedReset | inbox.ChatAdded


def present(event: FeedEvent) -> Presented:
    """The GraphQL object of what a feed carries."""
    if isinstance(event, types.FeedReady | types.FeedReset | inbox.ChatAdded):
        return event
    if isinstance(event, events.TypingChanged):
        return types.TypingChanged(
            chat_id=_chat_id(event.chat_id), user=_user(event.user), typing=event.typing
        )
    common = _common(event)
    match event:
        case events.MessagePosted():
            return types.MessagePosted(**common, message=_message(event.message))
        case events.MessageEdited():
            return types.MessageEdited(**common, message=_message(event.message))
        case events.MessageDeleted():
            message_id = strawberry.ID(encode_id("Message", event.message_id))
            return types.MessageDeleted(**common, message_id=message_id, message_seq=event.message_seq)
        case events.MemberJoined():
            return types.MemberJoined(**common, member=_member(event.chat_id, event.member))
        case events.MemberLeft():
            return types.MemberLeft(**common, user=_user(event.user), removed=event.removed)
        case events.MemberRoleChanged():
            return types.MemberRoleChanged(**common, member=_member(event.chat_id, event.member))


def present_ready(chat_id: int, seq: int, replayed: int) -> types.FeedReady:
    """The feed begins after `seq`."""
    return types.FeedReady(chat_id=_chat_id(chat_id), seq=seq, replayed=replayed)


def present_reset(chat_id: int, seq: int, reason: types.FeedResetReason) -> types.FeedReset:
    """The feed starts anew after `seq`."""
    return types.FeedReset(chat_id=_chat_id(chat_id), seq=seq, reason=reason)


def present_chat_cursor(chat_id: int, seq: int, unread_count: int) -> inbox.ChatCursor:
    """A chat of an inbox, followed after `seq`."""
    return inbox.ChatCursor(chat_id=_chat_id(chat_id), seq=seq, unread_count=unread_count)


def present_chat_removed(chat_id: int) -> inbox.ChatRemoved:
    """A chat that is no longer the viewer's."""
    return inbox.ChatRemoved(chat_id=_chat_id(chat_id))


def _common(event: events.DurableEvent) -> dict[str, Any]:
    actor = None if event.actor is None else _user(event.actor)
    return {"chat_id": _chat_id(event.chat_id), "seq": event.seq, "at": event.at, "actor": actor}


def _chat_id(chat_id: int) -> strawberry.ID:
    return strawberry.ID(encode_id("Chat", chat_id))


def _user(profile: events.Profile) -> User:
    return cast(User, _user_row(profile))


def _user_row(profile: events.Profile) -> UserRow:
    return UserRow(
        id=profile.user_id,
        username=profile.username,
        display_name=profile.display_name,
        avatar_url=profile.avatar_url,
        is_bot=profile.is_bot,
    )


def _message(snapshot: events.MessageSnapshot) -> Any:
    return models.Message(
        id=snapshot.id,
        chat_id=snapshot.chat_id,
        seq=snapshot.seq,
        kind=snapshot.kind,
        client_id=snapshot.client_id,
        sender=None if snapshot.sender is None else _user_row(snapshot.sender),
        text=snapshot.text,
        reply_to_id=snapshot.reply_to_id,
        created_at=snapshot.created_at,
        edited_at=snapshot.edited_at,
        deleted_at=snapshot.deleted_at,
    )


def _member(chat_id: int, snapshot: events.MemberSnapshot) -> Any:
    return models.Membership(
        chat_id=chat_id,
        user=_user_row(snapshot.user),
        role=snapshot.role,
        joined_at=snapshot.joined_at,
        joined_seq=snapshot.joined_seq,
        last_read_seq=snapshot.last_read_seq,
        last_delivered_seq=snapshot.last_delivered_seq,
    )
