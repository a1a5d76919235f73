"""The suite. It mirrors the packages that it tests, against a real PostgreSQL and a real Redis."""
