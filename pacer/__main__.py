"""Run pacer: `python -m pacer` or `python pacer.pyz`."""

import sys

if sys.version_info < (3, 10) or not sys.platform.startswith("linux"):
    sys.exit("pacer: needs Python 3.10 or later on Linux")

if __name__ == "__main__":
    try:
        from pacer.cli import main
    except KeyboardInterrupt:
        sys.exit("pacer: interrupted before the load began: nothing was measured")
    sys.exit(main())
