"""Where run logs are kept. Each module is one technology behind `interfaces.run_log_store`, made by `app.wiring`."""
