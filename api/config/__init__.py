"""The configuration of the process: environment variables, server addresses, and the files generated from code."""
