"""The operating system, below all of magnus: system calls that tests can replace, atomic files, child processes."""
