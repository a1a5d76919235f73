"""The process: settings, HTTP views, the websocket, health. It moves bytes and decides who speaks; what is said is `schema`'s."""
