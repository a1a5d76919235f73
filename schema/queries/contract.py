"""What this server promises."""

import strawberry

from schema.types.contract import ServerContract, server_contract


@strawberry.type
class ContractQueries:
    """Queries about the server."""

    @strawberry.field(
        description="Limits, close codes and heartbeat, as data, so that clients need no copy of them. Needs no login."
    )
    def server_contract(self) -> ServerContract:
        return server_contract()
