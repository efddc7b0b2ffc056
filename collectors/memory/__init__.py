"""What a daemon holds for connections that are open: memory, threads, processes."""
