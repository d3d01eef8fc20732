"""The facts that a task kind tells `magnus check` about a task that has not run, for authors of task kinds."""

from magnus.graph.dataflow.facts import UNKNOWN, Description, Need, Setting
from magnus.graph.dataflow.shapes import ANYTHING, AcceptedShape, Shape, kinds, of_value

__all__ = ["ANYTHING", "UNKNOWN", "AcceptedShape", "Description", "Need", "Setting", "Shape", "kinds", "of_value"]
