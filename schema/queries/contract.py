"""The query that returns the server's bounds and close codes."""

import strawberry

from schema.types.contract import ServerContract, server_contract


@strawberry.type
class ContractQueries:
    """Queries about the server."""

    @strawberry.field(
        description="The server's bounds, close codes and heartbeat as data, so that clients need no copy of them. "
        "Requires no login."
    )
    def server_contract(self) -> ServerContract:
        return server_contract()
