"""`python -m collectors` is the command `tandem`."""

import sys

from collectors.cli import main

sys.exit(main())
