"""The context of one operation: who runs it, and on which socket. Each operation gets a new one with empty loaders."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from graphql import DocumentNode
from strawberry.types import Info as StrawberryInfo

from auth.identity import Identity
from foundation.errors import ErrorCode, ParlorError
from schema.loaders import Loaders
from schema.socket_notices import Notice


class SocketHandle(Protocol):
    """The socket that an operation runs on, as resolvers see it."""

    @property
    def socket_id(self) -> str:
        """The socket's id in the registry."""

    @property
    def opened_at(self) -> datetime:
        """When it was opened (UTC)."""

    @property
    def device(self) -> str:
        """The device name that the client gave; may be empty."""

    @property
    def identity(self) -> Identity:
        """The user of the socket, and when their token ends."""

    def watch(self, listener: Callable[[Notice], None]) -> Callable[[], None]:
        """Call `listener` with each notice about the socket; the returned function ends that."""

    async def renew(self, identity: Identity) -> None:
        """Extend the socket to the end of a newer token. Raises FORBIDDEN for another user's token."""


@dataclass(slots=True)
class Context:
    """Who runs an operation and from where. `socket` is None over HTTP, `identity` is None without a login."""

    identity: Identity | None = None
    socket: SocketHandle | None = None
    client_address: str | None = None
    device: str = ""
    loaders: Loaders = field(init=False)
    document: DocumentNode | None = None

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.identity.user_id if self.identity else None)

    def renewed(self) -> "Context":
        """The same context with new loaders, for another event: no lookup is answered from an older one."""
        return Context(self.identity, self.socket, self.client_address, self.device)

    def require_identity(self) -> Identity:
        """The identity. Raises UNAUTHENTICATED without a login."""
        if self.identity is None:
            raise ParlorError(ErrorCode.UNAUTHENTICATED, "Log in first: this needs an access token.")
        return self.identity

    @property
    def viewer_id(self) -> int:
        """The id of the logged-in user. Raises UNAUTHENTICATED without a login."""
        return self.require_identity().user_id


Info = StrawberryInfo[Context, Any]
