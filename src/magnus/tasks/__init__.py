"""One module per task kind, which `app.composition` loads by name; the folders hold what the kinds share."""
