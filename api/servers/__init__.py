"""Everything that patches or looks into a server program (Daphne, uvicorn), and nothing else."""
