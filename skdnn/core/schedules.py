"""Learning-rate schedules: how far training has come -> factors on the starting rate.

A factor for each step, or a single one where it is the same for all steps of an epoch.
"""

from typing import NamedTuple

import numpy as np


class Progress(NamedTuple):
    """How far training has come, and what the schedules need to know.

    Attributes
    ----------
    fraction : ndarray of shape (n_steps,)
        Steps taken before each step of an epoch over all planned steps, in [0, 1).
    n_rows_seen : int
        Rows seen up to the start of this epoch.
    power_t : float
        Exponent of ``invscaling``.
    warmup : float in [0, 1)
        Share of all steps over which ``cosine`` rises.
    """

    fraction: np.ndarray
    n_rows_seen: int
    power_t: float
    warmup: float


def constant(progress):
    """Return 1; ``adaptive`` starts from it and divides by 5 whenever patience runs out."""
    return 1.0


def invscaling(progress):
    """Return (rows seen + 1) ** -power_t."""
    return (progress.n_rows_seen + 1) ** -progress.power_t


def cosine(progress):
    """Rise linearly over the warm-up, then fall to 0 along half a cosine.

    Loshchilov & Hutter, 2017, https://arxiv.org/abs/1608.03983.
    """
    risen = _passed(progress.fraction, 0, progress.warmup)
    return risen * _half_cosine(_passed(progress.fraction, progress.warmup, 1))


def one_cycle(progress, rise=0.3, start=1 / 25, end=1e-4):
    """Rise along a cosine from 1/25 to 1 over 30 % of the steps, then fall to 1e-4.

    Smith & Topin, 2018, https://arxiv.org/abs/1708.07120.
    """
    risen = 1 - (1 - start) * _half_cosine(_passed(progress.fraction, 0, rise))
    return risen * (end + (1 - end) * _half_cosine(_passed(progress.fraction, rise, 1)))


def _passed(fraction, start, stop):
    """Return how much of the way from start to stop lies behind: 0 before it, 1 after it."""
    return np.interp(fraction, (start, stop), (0, 1))


def _half_cosine(fraction):
    return 0.5 * (1 + np.cos(np.pi * fraction))


SCHEDULES = {
    "constant": constant,
    "invscaling": invscaling,
    "adaptive": constant,
    "cosine": cosine,
    "onecycle": one_cycle,
}
