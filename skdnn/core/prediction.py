"""Forward passes of trained members, in bounded memory."""

import numpy as np

from skdnn.core.tape import Scratch, Tape

FEW_ROWS = 1000  # up to here rows are computed in float64, so that their order does not show
# Rows of a forward pass: most, and fewest of wide networks.
LARGEST_BLOCK, SMALLEST_BLOCK = 2048, 64
CACHED_ACTIVATIONS = 2**19  # activations of a layer, over all members: they stay in the cache
LARGEST_LOGIT = 1e300  # larger ones count as overflow, as differences of two may overflow


def block_size_of(network, n_members):
    """Return the number of rows of a forward pass: a layer's outputs should stay in the cache."""
    widest = max(network.widths[0], n_members * max(network.widths[1:]))
    # A power of 2: blocks then end where those of any larger size do.
    cached = 2 ** (max(CACHED_ACTIVATIONS // widest, 1).bit_length() - 1)
    return min(max(cached, SMALLEST_BLOCK), LARGEST_BLOCK)


class ForwardPass:
    """Compute the logits of rows. It is not changed by calls, so that threads may share it.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_members, n_parameters)
    params_in_float64 : ndarray of shape (n_members, n_parameters), optional
        The same in float64; without it they are converted whenever they are needed.

    Attributes
    ----------
    block_size : int
        Rows that pass at a time.
    """

    def __init__(self, network, params, params_in_float64=None):
        self.network, self.params = network, params
        self.block_size = block_size_of(network, len(params))
        self._params = {params.dtype: params}
        if params_in_float64 is not None:
            self._params[np.dtype(np.float64)] = params_in_float64

    def __call__(self, rows, span, precise):
        """Yield ``(span, logits)`` for blocks of rows.

        Parameters
        ----------
        rows : DenseRows or SparseRows
        span : slice
            Where in the table these rows are.
        precise : bool
            Whether to compute in float64.

        Yields
        ------
        span : slice
            Where in the table the block is.
        logits : float64 ndarray of shape (n_members, block size, n_outputs)

        Raises
        ------
        ValueError
            If logits overflow even in float64.
        """
        dtype = np.dtype(np.float64) if precise else self.params.dtype
        params, scratch, rows = self._params_in(dtype), Scratch(), rows.astype(dtype)
        for start in range(span.start, span.stop, self.block_size):
            block = slice(start, min(start + self.block_size, span.stop))
            within = slice(block.start - span.start, block.stop - span.start)
            logits = self._logits(params, rows.slice(within), scratch)
            if not _are_sane(logits):
                logits = self._recompute(rows, within, block)
            yield block, logits

    def _params_in(self, dtype):
        params = self._params.get(dtype)
        return self.params.astype(dtype) if params is None else params

    def _logits(self, params, inputs, scratch):
        scratch.reset()
        tape = Tape(params, scratch=scratch)
        logits, _ = self.network.forward(tape, inputs)
        with np.errstate(over="ignore", invalid="ignore"):
            tape.play()
        return logits.astype(np.float64)  # a copy, as the scratch is used again

    def _recompute(self, rows, within, block):
        dtype = np.dtype(np.float64)
        inputs = rows.astype(dtype).slice(within)
        logits = self._logits(self._params_in(dtype), inputs, Scratch())
        if _are_sane(logits):
            return logits
        raise ValueError(
            f"the network's outputs overflow for rows {block.start} to {block.stop - 1}: X is very "
            "large, or far outside of what was trained on. Scale it, or use encoder='auto'."
        )


def _are_sane(logits):
    """Tell whether no number is NaN, infinite or enormous."""
    return np.abs(logits).max(initial=0.0) <= LARGEST_LOGIT


def predict_logits(network, params, rows, n_rows):
    """Yield ``(span, logits)`` for blocks of all rows; see :class:`ForwardPass`."""
    yield from ForwardPass(network, params)(rows, slice(0, n_rows), n_rows <= FEW_ROWS)
