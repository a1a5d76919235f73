"""`python -m bench.soak`: runs the soak, which stands with the fault tests in `tests/soak/`."""

import sys

from tests.soak.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
