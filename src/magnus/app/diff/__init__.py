"""The use case *diff*: what differs between two runs, and what of it came first. Called by `cli.diff`.

`runs` reads, `walk` puts the steps of the two side by side, `steps`, `pipelines`, `inputs` and `surroundings` compare,
`verdict` judges, `documents` writes it as JSON. All but `runs` and `compare` are pure.
"""
