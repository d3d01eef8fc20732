"""What users write: the pipeline as YAML, and the models it is read into. They compile to a graph."""
