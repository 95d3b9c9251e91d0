"""Where a share of a batch, of units or of parameters starts and ends."""

from skdnn.core.fused.machine import compiled

LINE = 16  # float32 numbers that share a line of the cache
FEW_ROWS = 8  # a matrix product of fewer takes no less time


@compiled
def span(length, share, n_shares, together):
    """Return where a share of so many units, rows or columns starts and ends.

    A start is a multiple of ``together``.
    """
    most = (length + n_shares - 1) // n_shares
    most = (most + together - 1) // together * together
    return min(length, share * most), min(length, (share + 1) * most)
