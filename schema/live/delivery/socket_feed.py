"""connectionFeed: notices about the socket itself, sent at once, even right before the socket is closed."""

from collections.abc import Callable

from schema.live.compiling.plan import Plan
from schema.live.outlet import Outlet
from schema.socket_notices import ClosingNotice, Notice, TokenExpiry
from schema.subscriptions.source import SocketFeedSource
from schema.types.socket_events import ConnectionNotice, ConnectionReady, TokenExpiring
from schema.types.sockets import show_current_socket


class SocketFeed:
    """A LiveOperation. Its payloads are small and few, so they are never held back."""

    def __init__(self, source: SocketFeedSource, plan: Plan, outlet: Outlet) -> None:
        self._plan = plan
        self._outlet = outlet
        self._unwatch: Callable[[], None] = source.socket.watch(self._on_notice)
        self._send(ConnectionReady(socket=show_current_socket(source.socket)))

    def resume(self) -> None:
        """Nothing was held back."""

    def stop(self) -> None:
        """The client has completed the operation or is gone."""
        self._unwatch()

    def _on_notice(self, notice: Notice) -> None:
        match notice:
            case TokenExpiry():
                event: TokenExpiring | ConnectionNotice = TokenExpiring(expires_at=notice.expires_at)
            case ClosingNotice():
                event = ConnectionNotice(reason=notice.reason, reconnect_after_ms=notice.reconnect_after_ms)
        self._send(event)

    def _send(self, event: ConnectionReady | TokenExpiring | ConnectionNotice) -> None:
        payload = self._plan.execute_now(event)
        assert payload is not None, "these types have plain attributes only"
        self._outlet.next(payload)
