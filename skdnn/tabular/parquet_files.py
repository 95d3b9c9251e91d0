"""Parquet files, read a few rows at a time in bounded memory."""

import os
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from skdnn.tabular.as_frames import import_optional
from skdnn.tabular.user_warnings import about, joined, listed

# A batch of rows has so many bytes, and rows, at most; each column of a file that is read takes
# about two pages of a mebibyte, one of them uncompressed, if the row group is not smaller.
BATCH_BYTES, BATCH_ROWS, COLUMN_BYTES = 2**22, 2**14, 2**21
READ_BYTES, READ_TOGETHER = 2**27, 16  # row groups that are read at the same time, at most
BUFFER = 2**18  # bytes read at a time from each column of a file


class Piece(NamedTuple):
    """A row group of a file that is not empty, or consecutive rows of it.

    Attributes
    ----------
    file, group : int
        Numbers of the file and of the row group in it.
    first_row, n_rows : int
        Number of the first row in the file, and how many there are.
    n_bytes : int
        Bytes of the whole row group.
    """

    file: int
    group: int
    first_row: int
    n_rows: int
    n_bytes: int

    def cut(self, size):
        """Return Pieces of these rows, each of at most ``size`` rows."""
        starts = range(0, self.n_rows, size)
        numbers = [(self.first_row + start, min(size, self.n_rows - start)) for start in starts]
        return [self._replace(first_row=first, n_rows=n_rows) for first, n_rows in numbers]


class ParquetFiles(NamedTuple):
    """Parquet files with the rows of one table.

    ``schema`` has the types to which the columns of all files are converted, ``groups`` are the row
    groups of all files.
    """

    paths: tuple
    schema: object
    groups: tuple

    @property
    def n_rows(self):
        """Number of rows."""
        return sum(group.n_rows for group in self.groups)

    @property
    def batch_rows(self):
        """Number of rows of a batch."""
        n_bytes = sum(group.n_bytes for group in self.groups) / max(self.n_rows, 1)
        return int(max(1, min(BATCH_ROWS, BATCH_BYTES // max(n_bytes, 8 * len(self.schema)))))

    def plan(self, rng=None):
        """Return the Pieces of all rows: in order or, given a generator, mixed.

        Then row groups are read in random order, several at a time, as many as memory allows.
        """
        waiting, reading, pieces = list(self.groups), [], []
        n_together, size = 1, self.batch_rows
        if rng is not None:
            waiting = [self.groups[k] for k in rng.permutation(len(self.groups))]
            n_bytes = max((group.n_bytes for group in self.groups), default=1)
            n_bytes = min(n_bytes, COLUMN_BYTES * len(self.schema))
            n_together = max(1, min(READ_TOGETHER, READ_BYTES // max(n_bytes, 1)))
        waiting.reverse()
        while waiting or reading:
            while waiting and len(reading) < n_together:
                reading.append(iter(waiting.pop().cut(size)))
            place = 0 if rng is None else int(rng.integers(len(reading)))
            if (piece := next(reading[place], None)) is None:
                del reading[place]
            else:
                pieces.append(piece)
        return pieces

    def read(self, pieces):
        """Yield each Piece with its rows as a dataframe.

        Pieces of a row group follow each other in order.
        """
        readers, n_left, metadata, batch_rows = {}, {}, {}, self.batch_rows
        sizes = {(group.file, group.group): group.n_rows for group in self.groups}
        for piece in pieces:
            key = piece.file, piece.group
            with about(self.paths[piece.file]):
                if key not in readers:
                    readers[key] = self._batches(*key, metadata, batch_rows)
                    n_left[key] = sizes[key]
                table = self._take(readers[key], piece.n_rows)
            n_left[key] -= piece.n_rows
            if not n_left[key]:
                del readers[key]
            yield piece, table

    def _batches(self, file, group, metadata, batch_rows):
        """Return an iterator over the batches of a row group; keep the metadata of its file."""
        # Without a buffer, or with reading ahead, all bytes of a column are read at once.
        given = {"buffer_size": BUFFER, "pre_buffer": False, "metadata": metadata.get(file)}
        reader = import_module("pyarrow.parquet").ParquetFile(self.paths[file], **given)
        metadata[file] = reader.metadata
        options = {"columns": self.schema.names, "use_threads": False}
        return reader.iter_batches(batch_rows, [group], **options)

    def _take(self, batches, n_rows):
        """Return the next rows of some batches as a dataframe."""
        taken = []
        while n_rows > 0:
            taken.append(next(batches))
            n_rows -= len(taken[-1])
        pyarrow, compute, columns = *map(import_module, ("pyarrow", "pyarrow.compute")), []
        table = pyarrow.Table.from_batches(taken)
        for field in self.schema:
            rounding = compute.CastOptions(field.type, allow_float_truncate=True)
            with about(f"column {field.name!r} must be converted to one type in all files"):
                columns.append(table[field.name].cast(options=rounding))
        table = pyarrow.table(columns, self.schema)
        options = {"ignore_metadata": True, "date_as_object": False, "use_threads": False}
        return table.to_pandas(**options)


def are_paths(X):
    """Return whether X is a path, or a list of paths.

    Strings in a list are paths if they end in ".parquet", as a list of others may be a row.
    """
    if isinstance(X, (list, tuple)) and X:
        return all(isinstance(item, os.PathLike) or _is_named_parquet(item) for item in X)
    return isinstance(X, (str, os.PathLike))


def _is_named_parquet(item):
    return isinstance(item, str) and item.endswith(".parquet")


def open_parquet(X, columns=None):
    """Return the ParquetFiles of a path to a file or folder, or of a list of paths.

    Files of a folder are those whose names end in ".parquet", also in folders within it, in the
    order of their names; those that begin with "." or "_" are left out. ``columns`` are those to
    read, in this order; by default all, which then must be the same in all files.
    """
    needed, extra = ("pyarrow.parquet", "pandas"), '"skdnn[arrow]"'
    parquet, _ = (import_optional(name, "a path", extra) for name in needed)
    paths = [path for item in (X if isinstance(X, (list, tuple)) else [X]) for path in _files(item)]
    schemas, groups = [], []
    for number, path in enumerate(paths):
        with about(path), parquet.ParquetFile(path) as file:
            schemas.append(_read_schema(file.schema_arrow, columns))
            groups += _row_groups(number, file.metadata)
    return ParquetFiles(tuple(paths), _common_schema(paths, schemas), tuple(groups))


def _files(path):
    """Return the files of a path, as strings."""
    given, path = str(path), Path(path)
    if not path.is_dir():
        if not path.exists():
            raise FileNotFoundError(
                f"there is no file or folder {given!r}. X is a path, so that its rows are read "
                "from Parquet files."
            )
        return [str(path)]
    found = [file.relative_to(path) for file in path.rglob("*.parquet")]
    found = sorted(file for file in found if not any(part[0] in "._" for part in file.parts))
    if not found:
        raise ValueError(f"the folder {str(path)!r} has no files that end in '.parquet'.")
    for file in found:
        if named := [part.partition("=")[0] for part in file.parts[:-1] if "=" in part]:
            raise ValueError(
                f"{path / file}: the columns {named} are in the names of folders, which are not "
                "read. Write them into the files, or pass a list of files to leave them out."
            )
    return [str(path / file) for file in found]


def _row_groups(file, metadata):
    """Yield the row groups of a file that are not empty."""
    first_row = 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.num_rows:
            yield Piece(file, number, first_row, group.num_rows, group.total_byte_size)
        first_row += group.num_rows


def _common_schema(paths, schemas):
    """Return the schema to which the columns of all files can be converted."""
    pyarrow = import_module("pyarrow")
    common = schemas[0]
    for path, schema in zip(paths[1:], schemas[1:], strict=True):
        if differing := {*schema.names} ^ {*common.names}:
            where = ("not here", "only here")
            named = [f"{name!r} ({where[name in schema.names]})" for name in sorted(differing)]
            what = f"{path}: its columns differ from those of {paths[0]}"
            raise ValueError(f"{what}: {joined(named)}.")
        with about(f"{path}: a column needs one type in all files, as in {paths[0]}"):
            common = pyarrow.unify_schemas([common, schema], promote_options="permissive")
    if repeated := sorted(name for name in {*common.names} if common.names.count(name) > 1):
        raise ValueError(f"{paths[0]}: several columns are named {listed(repeated)}.")
    return common


def _read_schema(schema, columns):
    """Return the schema of some columns, or of all but those that pandas stored its index in."""
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    names = [name for name in index if isinstance(name, str)]
    kept = [field for field in schema if field.name not in names]
    if columns is not None:
        if missing := [name for name in columns if name not in schema.names]:
            raise ValueError(f"columns are missing: {listed(missing)}.")
        kept = [schema.field(name) for name in columns]
    return import_module("pyarrow").schema(kept)
