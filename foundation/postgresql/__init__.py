"""The database backend: Django's for PostgreSQL, with a pool that costs no round trip of its own."""
