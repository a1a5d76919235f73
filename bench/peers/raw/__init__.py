"""The upper limit: how fast a server program writes if the application does nothing but pass it frames."""
