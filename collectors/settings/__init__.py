"""The machines' settings as they were read back in each run: what held, what did not, how profiles differ."""
