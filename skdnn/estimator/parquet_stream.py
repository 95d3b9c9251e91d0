"""Training rows that are read during training: read ahead, shuffled, and cut into blocks."""

import queue
import threading
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from skdnn.core.batches import Blocks, Data, DenseRows
from skdnn.core.random_bits import entropy_for
from skdnn.estimator.label_checks import check_labels
from skdnn.tabular.row_samples import Part
from skdnn.tabular.sample_weights import check_weights
from skdnn.tabular.user_warnings import about

# A block, and the rows among which it is shuffled: at most so many rows, and bytes.
BLOCK_ROWS, BLOCK_BYTES, BUFFER_ROWS, BUFFER_BYTES = 2**16, 2**25, 2**20, 3 * 2**25


class ParquetTable(NamedTuple):
    """Parquet files with the columns of X, of y and of the sample weights, and no others.

    The seed is that of the hashes of the rows.
    """

    files: object
    y: str
    sample_weight: str | None
    seed: int

    @property
    def names(self):
        """The names of the columns of X."""
        others = self.y, self.sample_weight
        return [name for name in self.files.schema.names if name not in others]

    def read(self, pieces):
        """Yield ``(X, y, weights, part)`` of each of the pieces."""
        names = self.names
        for piece, frame in self.files.read(pieces):
            path = self.files.paths[piece.file]
            with about(path):
                weights = np.ones(len(frame))
                if self.sample_weight is not None:
                    weights = check_weights(frame[self.sample_weight], frame)
                y = check_labels(frame[self.y])
            yield frame[names], y, weights, Part(self.seed, piece.file, path, piece.first_row)


class RowStream(NamedTuple):
    """The encoded training rows of a table, in a new random order in each epoch.

    ``encoder`` is a RowEncoder, ``width`` the number of encoded columns.
    """

    table: ParquetTable
    encoder: object
    width: int

    @property
    def n_buffered(self):
        """Number of rows among which rows are shuffled."""
        return self._at_most(BUFFER_ROWS, BUFFER_BYTES)

    def _at_most(self, n_rows, n_bytes):
        row_bytes = self.width * np.dtype(self.encoder.schema.dtype).itemsize
        return max(1, min(n_rows, n_bytes // row_bytes, self.encoder.n_rows))

    def _block_sizes(self):
        """Return the numbers of rows of the blocks, which differ by at most one."""
        n_blocks = -(-self.encoder.n_rows // self._at_most(BLOCK_ROWS, BLOCK_BYTES))
        return np.diff(self.encoder.n_rows * np.arange(n_blocks + 1) // n_blocks)

    def data(self):
        """Return the Data that has room for a block."""
        return _empty(self._block_sizes().max(), self.width, self.encoder.schema.dtype)

    def blocks(self, data):
        """Return the Blocks that overwrite ``data``."""
        sizes, n_ahead = self._block_sizes(), len(data.targets) // self.table.files.batch_rows + 2

        def train(ensemble, epoch, report):
            with read_ahead(self.shuffled(epoch), n_ahead) as chunks:
                for _ in fill(data, chunks, sizes):
                    ensemble.train_block(epoch, report)

        return Blocks(len(sizes), train, self.encoder.n_rows, mean_weight=1.0)

    def pieces(self, epoch):
        """Return the pieces of the files in the order in which an epoch reads them."""
        return self.table.files.plan(self._generator(epoch, "order of row groups"))

    def shuffled(self, epoch):
        """Yield all training rows in the order of an epoch, some at a time."""
        chunks = self._encoded(self.pieces(epoch))
        return shuffle(chunks, self.n_buffered, self._generator(epoch, "shuffle buffer"))

    def _generator(self, epoch, purpose):
        return np.random.default_rng(entropy_for(purpose, self.table.seed, epoch))

    def _encoded(self, pieces):
        for X, y, weights, part in self.table.read(pieces):
            with about(part.name):
                data = self.encoder.encode(X, y, weights, part)
            if data is not None:
                yield data


def _empty(n_rows, width, dtype):
    # Zeros, as a row that a shorter block does not fill must be finite.
    array = np.zeros((n_rows, width), dtype)
    return Data(DenseRows(array), np.zeros((n_rows, 1), np.int32), np.zeros(n_rows))


def _arrays(data):
    return data.rows.array, data.targets, data.weights


def _take(data, rows):
    """Return a copy of some rows."""
    return Data(DenseRows(data.rows.array[rows]), data.targets[rows], data.weights[rows])


def _copy(data, rows, source, source_rows):
    """Overwrite some rows by those of other data."""
    for array, values in zip(_arrays(data), _arrays(source), strict=True):
        array[rows] = values[source_rows]


def shuffle(chunks, n_buffered, rng):
    """Yield the rows of all chunks, which are Data, in another order.

    A buffer holds ``n_buffered`` rows. Each further row replaces a random one, which is yielded.
    """
    buffer, n_filled = None, 0
    for chunk in chunks:
        if buffer is None:
            buffer = _empty(n_buffered, chunk.rows.array.shape[1], chunk.rows.array.dtype)
        n_rows = len(chunk.targets)
        n_free = min(n_buffered - n_filled, n_rows)
        _copy(buffer, slice(n_filled, n_filled + n_free), chunk, slice(n_free))
        n_filled += n_free
        for start in range(n_free, n_rows, n_buffered):
            incoming = slice(start, min(start + n_buffered, n_rows))
            replaced = rng.choice(n_buffered, incoming.stop - start, replace=False)
            yield _take(buffer, replaced)
            _copy(buffer, replaced, chunk, incoming)
    order = rng.permutation(n_filled)
    for start in range(0, n_filled, BLOCK_ROWS // 4):
        yield _take(buffer, order[start : start + BLOCK_ROWS // 4])


def fill(data, chunks, sizes):
    """Overwrite ``data`` by the next rows of some chunks, once for each of the sizes.

    Yields when the next block is there. The last rows have weight 0 if it is shorter than ``data``.
    """
    chunk, start = None, 0
    for size in sizes:
        n_filled, data.weights[size:] = 0, 0
        while n_filled < size:
            if chunk is None or start == len(chunk.targets):
                chunk, start = next(chunks), 0
            n_rows = min(size - n_filled, len(chunk.targets) - start)
            _copy(data, slice(n_filled, n_filled + n_rows), chunk, slice(start, start + n_rows))
            n_filled, start = n_filled + n_rows, start + n_rows
        yield


@contextmanager
def read_ahead(items, n_ahead):
    """Yield an iterator over a generator's items, ``n_ahead`` of which another thread makes before.

    The thread ends with the context, and errors are raised where the item is taken. It is an error
    to take more items than there are.
    """
    ready, places, is_over = queue.SimpleQueue(), threading.Semaphore(n_ahead), threading.Event()

    def read():
        try:
            for item in items:
                ready.put((item, None))
                places.acquire()
                if is_over.is_set():
                    break
            ready.put((None, ValueError("X: its files have fewer rows than when fit began.")))
        except BaseException as error:
            ready.put((None, error))
        items.close()

    def taken():
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            places.release()
            yield item

    thread = threading.Thread(target=read, name="skdnn-read-ahead", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        is_over.set()
        places.release()
        thread.join()
