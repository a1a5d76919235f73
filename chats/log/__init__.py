"""The gapless log of a chat: what an event is, and how events are appended, read back, rebuilt and pruned."""
