"""Learning-rate schedules: factors on the initial rate, given the progress of training."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Progress(NamedTuple):
    """How far training has come, and the parameters of the schedules.

    Attributes
    ----------
    fraction : float in [0, 1)
        Steps taken over all planned steps.
    n_rows_seen : int
        Rows seen up to the start of this epoch.
    power_t : float
        Exponent of ``invscaling``.
    warmup : float in [0, 1)
        Share of all steps over which ``cosine`` rises.
    """

    fraction: float
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

    So the first step has a rate of 0 and only sets the memory of the update rule. A training of a
    single step has no warm-up. Loshchilov & Hutter, 2017, https://arxiv.org/abs/1608.03983.
    """
    if progress.fraction < progress.warmup:
        return progress.fraction / progress.warmup
    return _half_cosine((progress.fraction - progress.warmup) / (1 - progress.warmup))


def one_cycle(progress, rise=0.3, start=1 / 25, end=1e-4):
    """Rise along a cosine from 1/25 to 1 over 30 % of the steps, then fall to 1e-4.

    Smith & Topin, 2018, https://arxiv.org/abs/1708.07120.
    """
    if progress.fraction < rise:
        return 1 - (1 - start) * _half_cosine(progress.fraction / rise)
    return end + (1 - end) * _half_cosine((progress.fraction - rise) / (1 - rise))


def _half_cosine(fraction):
    return 0.5 * (1 + np.cos(np.pi * fraction))


class Schedule(NamedTuple):
    """A schedule, and how training with it may end.

    Attributes
    ----------
    factor : callable
        ``progress -> float``.
    is_open_ended : bool
        Whether training should go on until it converges, however many epochs are planned.
    is_adaptive : bool
        Whether the rate is divided by 5, instead of training ending, when patience runs out.
    """

    factor: Callable
    is_open_ended: bool = False
    is_adaptive: bool = False

    def __call__(self, progress):
        """Return the factor."""
        return self.factor(progress)


def as_schedule(item):
    """Return the Schedule of an entry of the table: itself, or of a plain function."""
    return item if isinstance(item, Schedule) else Schedule(item)


SCHEDULES = {
    "constant": Schedule(constant, is_open_ended=True),
    "invscaling": Schedule(invscaling, is_open_ended=True),
    "adaptive": Schedule(constant, is_open_ended=True, is_adaptive=True),
    "cosine": cosine,
    "onecycle": one_cycle,
}
