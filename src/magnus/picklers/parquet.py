"""The `parquet` pickler: tables of pandas, polars and pyarrow as Parquet files."""

from typing import Any, BinaryIO, Final

from msgspec import Struct

from magnus.picklers.packages import require
from magnus.values import UserObject

_KIND: Final = b"magnus.table"
"""The key of the metadata that says which package a table is of; a table of pandas has metadata of pandas."""
_PACKAGES: Final = "a table of pandas, polars or pyarrow"


class ParquetOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class ParquetPickler:
    """Tables; a table comes back as one of the package that it is of. Any reader of Parquet reads the files."""

    options = ParquetOptions
    extension = ".parquet"

    def __init__(self, _options: ParquetOptions) -> None:
        """InvalidConfiguration without pyarrow."""
        require("pyarrow", "parquet")

    def dump(self, value: UserObject, file: BinaryIO) -> None:
        """Write the table; TypeError for other values, and what pyarrow raises for columns that Parquet cannot hold."""
        from io import BytesIO  # lazy: pyarrow is needed where a table is written or read alone

        import pyarrow.parquet

        buffer = BytesIO()
        pyarrow.parquet.write_table(_as_arrow(value), buffer)
        file.write(buffer.getbuffer())

    def load(self, file: BinaryIO) -> UserObject:
        """The table."""
        import pyarrow.parquet  # lazy: as above

        table = pyarrow.parquet.read_table(pyarrow.BufferReader(file.read()))
        metadata = dict(table.schema.metadata or {})
        kind = metadata.pop(_KIND, b"")
        if kind == b"pyarrow":
            return table.replace_schema_metadata(metadata or None)
        if kind == b"polars":
            import polars as pl  # lazy: as above

            return pl.from_arrow(table.replace_schema_metadata(metadata or None))
        return table.to_pandas()


def _as_arrow(value: Any) -> Any:
    """The table as one of pyarrow, whose metadata says of which package it was."""
    import pyarrow as pa  # lazy: as above

    package = type(value).__module__.partition(".")[0]
    if isinstance(value, pa.Table):
        return _marked(value, b"pyarrow")
    if type(value).__name__ != "DataFrame" or package not in {"pandas", "polars"}:
        message = f"the format 'parquet' holds {_PACKAGES}, not a value of type {type(value).__name__}"
        raise TypeError(message)
    return pa.Table.from_pandas(value) if package == "pandas" else _marked(value.to_arrow(), b"polars")


def _marked(table: Any, kind: bytes) -> Any:
    return table.replace_schema_metadata({**(table.schema.metadata or {}), _KIND: kind})
