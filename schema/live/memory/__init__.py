"""A chat's events in memory: the newest in a ring, older ones in pages read from the log."""
