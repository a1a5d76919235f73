"""The query fields, a file per noun."""

from strawberry.tools import merge_types

from schema.queries.chats import ChatQueries
from schema.queries.contract import ContractQueries
from schema.queries.nodes import NodeQueries
from schema.queries.viewer import ViewerQueries

Query = merge_types("Query", (ViewerQueries, NodeQueries, ChatQueries, ContractQueries))
