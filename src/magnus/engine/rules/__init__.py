"""What is decided about a run without doing anything: what comes next, what a step sees, what branches leave."""
