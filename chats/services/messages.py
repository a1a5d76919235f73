"""Sends, edits and deletes messages."""

from django.db import transaction

from chats import reads
from chats.errors import chat_not_found, client_id_conflict, forbidden, message_gone, message_not_found
from chats.events import Profile
from chats.feeds.publish import publish_on_commit
from chats.fingerprints import fingerprint, is_same
from chats.log.append import append, lock_chat, next_entry
from chats.log.rebuild import Rows, rebuild
from chats.models import Chat, ChatKind, Event, EventType, MemberRole, Membership, Message, MessageKind
from chats.services.posting import post
from chats.validation import check_client_id, check_text


def send_message(
    actor_id: int, chat_id: int, text: str, client_id: str | None = None, reply_to_id: int | None = None
) -> Message:
    """Post a text. The same `client_id` and content always return the first message, as it is now.

    One round trip. The message's `sender` is loaded with its public fields, the others are deferred. Raises ChatError:
    BAD_INPUT or TOO_LARGE for the text or the client id, NOT_FOUND if the actor is a non-member and for a reply to a
    message that is not in this chat, CONFLICT for a client id that was used for other content or in another chat.
    """
    text = check_text(text)
    client_id = check_client_id(client_id)
    content = (chat_id, text, reply_to_id)
    posting = post(
        chat_id=chat_id,
        sender_id=actor_id,
        text=text,
        client_id=client_id,
        fingerprint=None if client_id is None else fingerprint(*content),
        reply_to_id=reply_to_id,
    )
    if not posting.is_member:
        raise chat_not_found()
    if posting.message is None:
        raise message_not_found(field="replyToId")
    if not posting.is_known:
        _publish_posted(posting.message, posting.sender)
    elif not is_same(posting.message.fingerprint, *content):
        raise client_id_conflict()
    return posting.message


def _publish_posted(message: Message, sender: Profile | None) -> None:
    assert sender is not None
    entry = Event(
        chat_id=message.chat_id,
        seq=message.seq,
        type=EventType.MESSAGE_POSTED,
        actor_id=message.sender_id,
        at=message.created_at,
        message_id=message.pk,
    )
    # The statement has committed, unless a transaction of the caller is still open.
    rows = Rows(profiles={sender.user_id: sender}, messages={message.pk: message})
    publish_on_commit(*rebuild([entry], rows))


@transaction.atomic
def edit_message(actor_id: int, message_id: int, text: str) -> Message:
    """Replace the text of a message; its current text changes nothing.

    Raises ChatError: BAD_INPUT or TOO_LARGE for the text, NOT_FOUND for a message that the actor cannot see, FORBIDDEN
    for a message of another sender, GONE for a deleted one.
    """
    text = check_text(text)
    chat, _, message = _lock_message(actor_id, message_id)
    if message.sender_id != actor_id:
        raise forbidden("Only its sender may edit a message.")
    if message.deleted_at is not None:
        raise message_gone()
    if message.text == text:
        return message
    entry = next_entry(chat, actor_id, EventType.MESSAGE_EDITED, message_id=message.pk)
    message.text, message.edited_at = text, entry.at
    message.save(update_fields=["text", "edited_at"])
    publish_on_commit(*append(chat, [entry], messages=[message]))
    return message


@transaction.atomic
def delete_message(actor_id: int, message_id: int) -> Message:
    """Erase a message's text for good and keep its tombstone; a deleted message stays as it is.

    Its sender may do this, and in a group the owner and the admins. Raises ChatError: NOT_FOUND for a message that the
    actor cannot see, FORBIDDEN for other members.
    """
    chat, membership, message = _lock_message(actor_id, message_id)
    if message.sender_id != actor_id and not _may_moderate(chat, membership, message):
        raise forbidden("Only its sender, or an owner or admin of the group, may delete a message.")
    if message.deleted_at is not None:
        return message
    entry = next_entry(chat, actor_id, EventType.MESSAGE_DELETED, message_id=message.pk)
    message.text, message.deleted_at = "", entry.at
    message.save(update_fields=["text", "deleted_at"])
    publish_on_commit(*append(chat, [entry], messages=[message]))
    return message


def _may_moderate(chat: Chat, membership: Membership, message: Message) -> bool:
    is_moderator = membership.role in (MemberRole.OWNER, MemberRole.ADMIN)
    return chat.kind == ChatKind.GROUP and is_moderator and message.kind == MessageKind.TEXT


def _lock_message(actor_id: int, message_id: int) -> tuple[Chat, Membership, Message]:
    """Lock the chat of a message that the actor can see, and read the message under the lock."""
    seen = reads.visible_messages(actor_id, [message_id]).get(message_id)
    if seen is None:
        raise message_not_found()
    chat, membership = lock_chat(actor_id, seen.chat_id)
    seen.refresh_from_db()
    return chat, membership, seen
