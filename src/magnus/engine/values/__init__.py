"""Parameters as JSON, as variables of the environment, and as pickles."""
