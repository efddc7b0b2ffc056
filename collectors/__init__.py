"""Reading, judging and presenting what a campaign left in its results folder.

Everything here is pure: it reads files and computes. Nothing in this package talks to a machine, and nothing
imports Ansible, so a results folder can be rebuilt years later on a laptop, byte for byte.
"""

from typing import Final

VERSION: Final = "0.1.0"
