"""Runs a manifest of Argo Workflows on this machine, from the manifest alone, with processes or containers as pods."""
