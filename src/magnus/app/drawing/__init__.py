"""Pictures of a pipeline: SVG, mermaid, and a tree of text. Pure: a compiled graph goes in, text comes out.

`svg.svg` and `words.drawn_path` are what other use cases call; `layout` places boxes, `layers` and `placing` decide how.
"""
