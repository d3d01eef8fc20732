"""User code in this process: how it is found and loaded, and how the process is restored behind it."""
