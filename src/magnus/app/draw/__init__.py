"""Draws a compiled graph as SVG, as mermaid, or as a tree of text; all of it but `task_data` is pure."""
