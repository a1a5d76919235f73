"""What the process is configured with: the environment's variables, the addresses they give, and files made of code."""
