"""One step with its attempts, from its files and secrets to its one record; every executor ends here."""
