"""The virtual lab: two machines on one Linux box, joined by one 1 Gb/s wire.

Standard library only.  `python -m lab --help` lists the commands.
"""
