"""`python -m qssmc`: the same command line as `qssmc`."""

import sys

from qssmc.cli import main

sys.exit(main())
