"""`python -m bench.soak`: runs the soak test, whose code is in `tests/soak/`."""

import sys

from tests.soak.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
