"""Runs on this machine what is written for another engine, one package an engine."""
