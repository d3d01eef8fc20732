"""One module per task kind, which `app.wiring` loads by name; the folders hold what the kinds share."""
