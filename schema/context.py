"""What an operation knows of who asked: made anew for each operation, so that nothing is cached for longer."""

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
    """The socket that an operation runs on, as far as resolvers may use it."""

    @property
    def socket_id(self) -> str:
        """The socket's id in the registry."""

    @property
    def opened_at(self) -> datetime:
        """When it was opened (UTC)."""

    @property
    def device(self) -> str:
        """What the client said it is; may be empty."""

    @property
    def identity(self) -> Identity:
        """Whose socket it is, and until when."""

    def watch(self, listener: Callable[[Notice], None]) -> Callable[[], None]:
        """Have `listener` told of what concerns the socket itself; call the answer to end that."""

    async def renew(self, identity: Identity) -> None:
        """Move the socket's life to that of a newer token. Another user's raises FORBIDDEN."""


@dataclass(slots=True)
class Context:
    """One operation's surroundings. `socket` is None over HTTP, `identity` is None for who is not logged in."""

    identity: Identity | None = None
    socket: SocketHandle | None = None
    client_address: str | None = None
    device: str = ""
    loaders: Loaders = field(init=False)
    document: DocumentNode | None = None

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.identity.user_id if self.identity else None)

    def renewed(self) -> "Context":
        """The same surroundings for another event: nothing that was looked up before is remembered."""
        return Context(self.identity, self.socket, self.client_address, self.device)

    def require_identity(self) -> Identity:
        """The identity, or UNAUTHENTICATED."""
        if self.identity is None:
            raise ParlorError(ErrorCode.UNAUTHENTICATED, "Log in first: this needs an access token.")
        return self.identity

    @property
    def viewer_id(self) -> int:
        """The user id of who asks, or UNAUTHENTICATED."""
        return self.require_identity().user_id


Info = StrawberryInfo[Context, Any]
