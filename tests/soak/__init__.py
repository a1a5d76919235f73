"""`python -m bench.soak`: people talk while servers are killed and Redis falls; in the end all must have come."""
