"""What `make run` and the tests need on a developer's machine. Production never imports it."""
