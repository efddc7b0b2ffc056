"""`python -m lab`."""

import signal
import sys

from lab.cli import main

signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up as after Ctrl-C
sys.exit(main())
