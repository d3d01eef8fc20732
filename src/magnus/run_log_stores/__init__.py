"""Run log stores: one module or folder a technology, behind `interfaces.run_log_store`."""
