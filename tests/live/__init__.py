"""The whole service at the wire: real server processes, on a PostgreSQL and a Redis that are real too."""
