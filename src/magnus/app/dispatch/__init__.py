"""How an executor runs the steps of a run: in workers, and by re-entry commands in containers and jobs."""
