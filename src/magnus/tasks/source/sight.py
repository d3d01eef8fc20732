"""Tells what a piece of code can see of its step: any parameter, any file of the catalog; and whether it changes the import path."""

from typing import Final, NamedTuple

from magnus.tasks.source.names import WHOLE_MODULES, Uses
from magnus.tasks.source.pieces import Piece, Source, TextPiece

_OWN: Final = "magnus"


class Sight(NamedTuple):
    """Whether code may see any parameter, and any file of the catalog; and whether it may change the import path."""

    parameters: bool
    files: bool
    moves_imports: bool = False


NOTHING: Final = Sight(parameters=False, files=False)


def sight(source: Source, piece: Piece) -> Sight:
    """What a piece can see by the names it uses, or by passing on a module that has such names."""
    if isinstance(piece, TextPiece):
        return Sight(parameters=True, files=True)
    found = Uses(set(), {}, set(), set(), set())
    for chain in piece.uses.chains:
        for target in (*source.imports.get(chain[0], ()), *piece.uses.imports.get(chain[0], ())):
            found.note((*target.names, *chain[1:]))
            if len(chain) == 1 and ".".join(filter(None, (target.module, target.attribute))) in WHOLE_MODULES:
                return Sight(parameters=True, files=target.names[0] == _OWN, moves_imports=piece.uses.moves_imports)
    return Sight(
        piece.uses.sees_all or found.sees_all,
        piece.uses.sees_files or found.sees_files,
        piece.uses.moves_imports or found.moves_imports,
    )
