"""Contract suites and fakes for those who write a service of their own; needs pytest and hypothesis."""
