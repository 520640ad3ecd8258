"""`python -m biofs` is the `biofs` command."""

import sys

from biofs.cli import main

if __name__ == "__main__":
    sys.exit(main())
