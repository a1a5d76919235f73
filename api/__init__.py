"""The process: settings, GraphQL over HTTP and the websocket, health. It carries bytes and knows no GraphQL type."""
