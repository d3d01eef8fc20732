"""A batch system for tests: real processes on this machine, started by a scheduler whose faults are scripted."""
