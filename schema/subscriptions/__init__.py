"""The subscription fields, one file per feed. A field's resolver names the feed; `schema.live` runs it."""

from strawberry.tools import merge_types

from schema.subscriptions.chats import ChatSubscriptions
from schema.subscriptions.inbox import InboxSubscriptions
from schema.subscriptions.sockets import ConnectionSubscriptions

Subscription = merge_types("Subscription", (ChatSubscriptions, InboxSubscriptions, ConnectionSubscriptions))
