"""The feed of a socket: what concerns the socket itself, told at once, also in the moment before it is closed."""

from collections.abc import Callable

from schema.live.notices import ClosingNotice, Notice, TokenExpiry
from schema.live.outlet import Outlet
from schema.live.plan import Plan
from schema.live.source import ConnectionFeedSource
from schema.types.connection_events import ConnectionNotice, ConnectionReady, TokenExpiring
from schema.types.sockets import show_connection


class ConnectionFeed:
    """A LiveOperation. Its payloads are small and few, so they are never held back."""

    def __init__(self, source: ConnectionFeedSource, plan: Plan, outlet: Outlet) -> None:
        self._plan = plan
        self._outlet = outlet
        self._unwatch: Callable[[], None] = source.connection.watch(self._tell)
        self._say(ConnectionReady(socket=show_connection(source.connection)))

    def resume(self) -> None:
        """Nothing was held back."""

    def stop(self) -> None:
        """The client has completed the operation or is gone."""
        self._unwatch()

    def _tell(self, notice: Notice) -> None:
        match notice:
            case TokenExpiry():
                event: TokenExpiring | ConnectionNotice = TokenExpiring(expires_at=notice.expires_at)
            case ClosingNotice():
                event = ConnectionNotice(reason=notice.reason, reconnect_after_ms=notice.reconnect_after_ms)
        self._say(event)

    def _say(self, event: ConnectionReady | TokenExpiring | ConnectionNotice) -> None:
        payload = self._plan.execute_now(event)
        assert payload is not None, "these types have plain attributes only"
        self._outlet.next(payload)
