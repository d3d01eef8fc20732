"""Plugins of a distribution that is not magnus: an executor, a run log store and a task kind."""
