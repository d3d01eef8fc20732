"""Checks configuration, parameters, pipeline and secrets before a run, and collects all problems; `app.parameters` computes the data flow."""
