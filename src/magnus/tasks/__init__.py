"""What runs tasks: one task kind per module, found by its name in `app.wiring`."""
