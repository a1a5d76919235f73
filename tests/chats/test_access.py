"""Access to a chat: membership, and equal refusals for foreign and missing chats."""

import pytest

from chats.access import member_chat_ids, members_among, require_member
from chats.errors import ChatError
from foundation.errors import ErrorCode
from tests.factories import make_group, make_users

pytestmark = pytest.mark.django_db


def test_only_members_have_access() -> None:
    ann, bob, eve = make_users(3)
    chat, other = make_group(ann, bob), make_group(ann)
    assert require_member(bob.pk, chat.pk).chat == chat
    assert members_among([(bob.pk, chat.pk), (eve.pk, chat.pk)]) == {(bob.pk, chat.pk)}
    assert (member_chat_ids(ann.pk), member_chat_ids(eve.pk)) == ([chat.pk, other.pk], [])
    refusals = set()
    for chat_id in (chat.pk, other.pk + 1000):
        with pytest.raises(ChatError) as refusal:
            require_member(eve.pk, chat_id)
        refusals.add((refusal.value.code, refusal.value.message, tuple(refusal.value.data)))
    assert refusals == {(ErrorCode.NOT_FOUND, "There is no such chat.", ())}
