"""magnus: define a data-science pipeline once, run the same definition anywhere."""

__version__ = "0.1.0"
