"""`python -m crampstats.cli`."""

import sys

from crampstats.cli import main

if __name__ == "__main__":
    sys.exit(main())
