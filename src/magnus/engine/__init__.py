"""How a run happens: the three verbs step, fan-out and fan-in, and everything around a task."""
