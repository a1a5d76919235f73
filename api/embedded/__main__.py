"""`python -m api.embedded`: stop what a killed run left behind. `make clean` does it before it removes the data."""

import sys

from api.embedded import ServerRefused, stop_leftovers
from api.environment import EnvironmentRefused, read_environment

if __name__ == "__main__":
    try:
        stop_leftovers(read_environment().DATA_DIR)
    except (EnvironmentRefused, ServerRefused) as refusal:
        sys.exit(str(refusal))
