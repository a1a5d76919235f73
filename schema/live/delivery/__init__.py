"""From a chat's events to its subscribers: where a subscription starts, what it gets next, and when it ends."""
