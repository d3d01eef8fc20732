"""The catalog of type `file-system`: files by content in a folder, shared by all processes that can reach it."""
