"""From a chat's events to its subscribers: who starts where, who gets what next, and when a subscription ends."""
