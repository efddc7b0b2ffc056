"""pacer: a constant-rate HTTP/1.1 load generator that says what its own numbers are worth.

Standard library only. `python -m pacer --help` shows how to call it; docs/pacer.md says what each number
means.
"""

__version__ = "0.1.0"
