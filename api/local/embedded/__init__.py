"""Private PostgreSQL and Redis servers for a developer's machine and for the tests. Production never imports this.

Both are children of the process that starts them, listen on sockets in a private folder, keep their data under one
`data_dir`, and stop when the context ends. Servers left over from a killed run are stopped first.
"""

from api.local.embedded.errors import ServerRefused
from api.local.embedded.servers import PrivateServers, private_servers, stop_leftovers

__all__ = ["PrivateServers", "ServerRefused", "private_servers", "stop_leftovers"]
