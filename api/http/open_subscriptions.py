"""The open subscriptions over HTTP of this process: limits them per client, and ends all when the process stops."""

from collections import defaultdict
from collections.abc import Hashable
from typing import Protocol

from django.conf import settings

from api.http.refusal import HttpRefused
from foundation.errors import ErrorCode
from schema.errors import FormattedError


class EndableSubscription(Protocol):
    """A running subscription over HTTP."""

    def end(self, errors: list[FormattedError]) -> None:
        """End it now, with these errors for its client. May be called again."""


class OpenSubscriptions:
    """All HTTP subscriptions of one process, by client: a user, or the address of a client that is not logged in."""

    def __init__(self) -> None:
        self._by_client: defaultdict[Hashable, set[EndableSubscription]] = defaultdict(set)

    def add(self, client: Hashable, subscription: EndableSubscription) -> None:
        """Add a subscription. Raises HttpRefused (429) when the client has MAX_STREAMS_PER_USER already."""
        limit = settings.MAX_STREAMS_PER_USER
        if len(self._by_client.get(client, ())) >= limit:
            raise HttpRefused(
                429,
                ErrorCode.RATE_LIMITED,
                f"No more than {limit} subscriptions over HTTP at a time: use the websocket for more.",
                maxStreams=limit,
            )
        self._by_client[client].add(subscription)

    def remove(self, client: Hashable, subscription: EndableSubscription) -> None:
        """Remove a subscription; harmless for one that was never added."""
        subscriptions = self._by_client.get(client)
        if subscriptions is None:
            return
        subscriptions.discard(subscription)
        if not subscriptions:
            del self._by_client[client]

    def end_all(self, code: ErrorCode, message: str) -> None:
        """End every subscription, because the process stops."""
        for subscriptions in tuple(self._by_client.values()):
            for subscription in tuple(subscriptions):
                subscription.end(end_errors(code, message))


def end_errors(code: ErrorCode, message: str) -> list[FormattedError]:
    """The one error that tells a client why its subscription ended."""
    return [{"message": message, "extensions": {"code": code.value}}]


open_subscriptions = OpenSubscriptions()
