"""The facts that a task kind tells `magnus check` about a task that has not run, for authors of task kinds."""

from magnus.graph.dataflow.facts import UNKNOWN, Description, Need, Setting
from magnus.graph.dataflow.shapes import ANYTHING, Shape, Wanted, kinds, of_value

__all__ = ["ANYTHING", "UNKNOWN", "Description", "Need", "Setting", "Shape", "Wanted", "kinds", "of_value"]
