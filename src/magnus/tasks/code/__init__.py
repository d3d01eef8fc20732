"""The code of a step: the pieces of the project that its task reaches. One notion for all that compare or resume runs.

`names` tells which names a statement uses, `bindings` which it defines, `registration` which are noted elsewhere, `quiet` which
modules need no look, `digest` what it says apart from layout and comments, `source` a file as
pieces, `reach` which pieces others use, in any file of the project; `scripts` does so for commands of a shell, and
`functions` for functions that only a program has. Nothing is imported or run.
"""
