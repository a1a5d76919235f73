"""`python -m bench.soak`: clients send while servers, Redis and PostgreSQL fail; every event must arrive."""
