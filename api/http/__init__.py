"""GraphQL over HTTP: one ASGI application that reads a request, lets `schema` execute it, and writes the answer.

It follows the GraphQL-over-HTTP specification, graphql-sse's distinct connections mode, and Apollo's multipart
subscriptions. It knows no field of the schema. Not here: the websocket (`api/socket`) and REST (Django's views).
"""
