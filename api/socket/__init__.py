"""The one websocket of a client: graphql-transport-ws as a state machine, and the identity that lives on it.

`connection.py` decides, `consumer.py` only moves frames between it and the server. Nothing here knows a type or
a field of the GraphQL schema.
"""
