"""Generates events, with texts that are hard to encode as JSON."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from chats import events
from chats.models import MemberRole, MessageKind
from schema.live.compiling.event_objects import feed_ready, feed_reset
from schema.types.events import FeedResetReason

IDS = st.integers(1, 2**53)
SEQS = st.integers(1, 2**31 - 1)
NASTY = [
    '"',
    "\\",
    "\0",
    "\x1f",
    "\x7f",
    "\u2028",
    "\u2029",
    "</script>",
    "😀",
    "é",
    "e\u0301",
    "\ufeff",
    "\U0010ffff",
]
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.lists(st.sampled_from(NASTY), max_size=5).map("".join),
)
TIMES = st.one_of(
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),
    st.just(datetime(2024, 2, 29, 12, 0, 0, tzinfo=UTC)),
)

PROFILES = st.builds(
    events.Profile,
    user_id=IDS,
    username=TEXTS,
    display_name=TEXTS,
    avatar_url=st.none() | TEXTS,
    is_bot=st.booleans(),
)
MESSAGES = st.builds(
    events.MessageSnapshot,
    id=IDS,
    chat_id=IDS,
    seq=SEQS,
    kind=st.sampled_from(MessageKind),
    client_id=st.none() | TEXTS,
    sender=st.none() | PROFILES,
    text=TEXTS,
    reply_to_id=st.none() | IDS,
    created_at=TIMES,
    edited_at=st.none() | TIMES,
    deleted_at=st.none() | TIMES,
)
MEMBERS = st.builds(
    events.MemberSnapshot,
    user=PROFILES,
    role=st.sampled_from(MemberRole),
    joined_at=TIMES,
    joined_seq=SEQS,
    last_read_seq=SEQS,
    last_delivered_seq=SEQS,
)

_COMMON = {"chat_id": IDS, "seq": SEQS, "at": TIMES, "actor": st.none() | PROFILES}

DURABLE = st.one_of(
    st.builds(events.MessagePosted, **_COMMON, message=MESSAGES),
    st.builds(events.MessageEdited, **_COMMON, message=MESSAGES),
    st.builds(events.MessageDeleted, **_COMMON, message_id=IDS, message_seq=SEQS),
    st.builds(events.MemberJoined, **_COMMON, member=MEMBERS),
    st.builds(events.MemberLeft, **_COMMON, user=PROFILES, removed=st.booleans()),
    st.builds(events.MemberRoleChanged, **_COMMON, member=MEMBERS),
)
CARRIED_BY_ALL_FEEDS = st.one_of(
    DURABLE,
    st.builds(events.TypingChanged, chat_id=IDS, user=PROFILES, typing=st.booleans()),
    st.builds(feed_reset, IDS, SEQS, st.sampled_from(FeedResetReason)),
)
CARRIED_BY_CHAT_FEEDS = st.one_of(CARRIED_BY_ALL_FEEDS, st.builds(feed_ready, IDS, SEQS, SEQS))
