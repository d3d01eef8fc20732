"""Masks secrets in output, messages, task arguments and the record of a run; finds them in results.

A result that contains a secret fails its step. Files that a step puts keep their names and content.
"""
