"""Published benchmarks: their figures, with what is wrong in them, beside the figures measured here.

Its modules are imported one by one, because planning needs no more than the names.
"""
