"""The websocket transport: graphql-transport-ws as a state machine, and the identity that a socket lives on.

`client_socket.py` makes the decisions; `consumer.py` only moves frames between it and the server program. Nothing here
knows a type or a field of the GraphQL schema.
"""
