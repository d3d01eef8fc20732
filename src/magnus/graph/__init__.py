"""What will run: the frozen graph a pipeline compiles to. Pure; knows nothing of files, services or syntax."""
