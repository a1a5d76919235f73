"""The process: settings, HTTP, the websocket, health. It moves bytes and decides who speaks, not what is said."""
