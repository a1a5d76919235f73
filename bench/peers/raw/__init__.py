"""The limit: what a server program can write when the application does nothing but hand it frames."""
