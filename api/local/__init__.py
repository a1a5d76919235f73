"""Code for a developer's machine: `make run` and private servers for the tests. Production never imports it."""
