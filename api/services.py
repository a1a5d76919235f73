"""What the websocket stands on, put together: operations, identity and the registry of sockets."""

import weakref
from asyncio import AbstractEventLoop, get_running_loop

from django.conf import settings

from api.control import ControlFeeds, ControlMessage
from api.socket.ports import Services, SocketLimits
from api.socket.registry import SocketRegistry
from api.socket.roster import Roster
from auth import identity, tickets
from auth.identity import Identity
from auth.revocation import revoked_among
from schema import execution, persisted
from schema.context import Context
from schema.execution import OperationRequest, PreparedOperation
from schema.live.outlet import LiveOperation, Outlet


class SchemaOperations:
    """`api.socket.ports.Operations` over the schema."""

    async def prepare(self, request: OperationRequest) -> PreparedOperation:
        """Resolve a persisted document, parse, validate and check the limits."""
        return execution.prepare(await persisted.resolve(request))

    async def execute(self, prepared: PreparedOperation, context: Context) -> bytes:
        """Run a query or a mutation."""
        return await execution.execute(prepared, context)

    async def subscribe(self, prepared: PreparedOperation, context: Context, outlet: Outlet) -> LiveOperation:
        """Start a feed."""
        return await execution.subscribe(prepared, context, outlet)


class AuthGate:
    """`api.socket.ports.Gate` over `auth`."""

    async def authenticate(self, access_token: str) -> Identity:
        """The identity of an access token."""
        return await identity.authenticate(access_token)

    async def redeem_ticket(self, ticket: str) -> Identity:
        """The identity of a ticket, which is then used up."""
        return await tickets.redeem_ticket(ticket)

    async def require_current(self, identity_: Identity) -> None:
        """Return if nothing has revoked the identity since."""
        await identity.require_current(identity_)


_registries: weakref.WeakKeyDictionary[AbstractEventLoop, SocketRegistry] = weakref.WeakKeyDictionary()
_services: weakref.WeakKeyDictionary[AbstractEventLoop, Services] = weakref.WeakKeyDictionary()


def socket_registry() -> SocketRegistry:
    """The registry of the running event loop."""
    loop = get_running_loop()
    registry = _registries.get(loop)
    if registry is None:
        registry = _registries[loop] = _new_registry()
    return registry


def _new_registry() -> SocketRegistry:
    def deliver(user_id: int, message: ControlMessage) -> None:
        registry.control(user_id, message)

    registry = SocketRegistry(
        ControlFeeds(deliver),
        Roster(settings.SOCKET_LEASE_SECONDS),
        revoked_among,
        settings.SOCKETS_PER_USER,
        settings.SOCKET_LEASE_SECONDS,
    )
    return registry


def socket_services() -> Services:
    """The outside of every connection of the running event loop: made once, since every handshake asks for it."""
    loop = get_running_loop()
    services = _services.get(loop)
    if services is None:
        services = _services[loop] = Services(
            operations=SchemaOperations(),
            gate=AuthGate(),
            sockets=socket_registry(),
            limits=SocketLimits.from_settings(),
        )
    return services
