"""`python -m api.local.embedded`: stops the servers that a killed run left behind; `make clean` calls it."""

import sys

from api.config.environment import EnvironmentRefused, read_environment
from api.local.embedded import ServerRefused, stop_leftovers

if __name__ == "__main__":
    try:
        stop_leftovers(read_environment().DATA_DIR)
    except (EnvironmentRefused, ServerRefused) as refusal:
        sys.exit(str(refusal))
