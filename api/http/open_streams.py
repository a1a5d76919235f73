"""The streamed subscriptions of this process: how many each client has, and how all are ended when it stops."""

from collections import defaultdict
from collections.abc import Hashable
from typing import Protocol

from django.conf import settings

from api.http.refusal import Refused
from foundation.errors import ErrorCode
from schema.errors import FormattedError


class EndableStream(Protocol):
    """A running streamed subscription."""

    def end(self, errors: list[FormattedError]) -> None:
        """End it now, with what the client should know. May be called again."""


class OpenStreams:
    """All streams of one process, by client: the user, or the address of one who is not logged in."""

    def __init__(self) -> None:
        self._by_client: defaultdict[Hashable, set[EndableStream]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(map(len, self._by_client.values()))

    def admit(self, client: Hashable, stream: EndableStream) -> None:
        """Count a stream in. Raises Refused (429) when the client has MAX_STREAMS_PER_USER already."""
        limit = settings.MAX_STREAMS_PER_USER
        if len(self._by_client.get(client, ())) >= limit:
            raise Refused(
                429,
                ErrorCode.RATE_LIMITED,
                f"No more than {limit} subscriptions over HTTP at a time: use the websocket for more.",
                maxStreams=limit,
            )
        self._by_client[client].add(stream)

    def dismiss(self, client: Hashable, stream: EndableStream) -> None:
        """Count a stream out."""
        streams = self._by_client.get(client)
        if streams is None:
            return
        streams.discard(stream)
        if not streams:
            del self._by_client[client]

    def end_all(self, code: ErrorCode, message: str) -> None:
        """End every stream, for a process that is about to stop."""
        for streams in tuple(self._by_client.values()):
            for stream in tuple(streams):
                stream.end(ended_by(code, message))


def ended_by(code: ErrorCode, message: str) -> list[FormattedError]:
    """The one error that tells a client why its stream ended."""
    return [{"message": message, "extensions": {"code": code.value}}]


open_streams = OpenStreams()
