"""The front door for programs: pipelines, and the steps in them, as objects. What they say is what YAML says."""
