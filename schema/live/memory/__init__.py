"""The events of a chat that are held in memory: the newest in a ring, older ones in pages read from the log."""
