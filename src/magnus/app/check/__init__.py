"""Checks configuration, parameters, pipeline and secrets before a run, and collects all problems.

`app.parameters.data_flow` computes what the data flow of the pipeline adds to them.
"""
