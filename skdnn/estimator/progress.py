"""Progress of a fit: a table of losses, or one line in a terminal or notebook."""

import os
import shutil
import sys
import threading
from collections import deque
from contextlib import suppress
from math import nan
from multiprocessing import parent_process
from time import monotonic

from skdnn.estimator.auto_parameters import is_auto
from skdnn.estimator.fitted_model import mean_curve

COLUMNS = ("loss", "validation loss", "validation score")
LONG = 10.0  # seconds above which a fit shows its progress without being asked to
FIRST_LOOK = 2.0  # seconds before which the epochs so far do not tell how long it will take
PAUSE = 0.1  # seconds from one update of the line to the next
RECENT = 5  # epochs that tell how long the next ones will take


def _label():
    """Return what tells the lines of parallel fits apart; "" in the main thread."""
    names = [] if parent_process() is None else [f"process {os.getpid()}"]
    if threading.current_thread() is not threading.main_thread():
        names.append(threading.current_thread().name)
    return f"[{', '.join(names)}] " if names else ""


def _is_notebook(stream):
    return type(stream).__module__.partition(".")[0] == "ipykernel"


def _is_terminal(stream):
    with suppress(AttributeError, ValueError):  # None or an object without it; a closed stream
        return stream.isatty()
    return False


def _stream_watched():
    """Return the stream on which somebody may see the progress of this fit, or None."""
    if _label():
        return None
    if _is_notebook(sys.stdout):
        return sys.stdout  # notebooks show standard error as if it were an error
    return sys.stderr if _is_terminal(sys.stderr) else None


def _can_write_over(stream):
    return not _label() and (_is_terminal(stream) or _is_notebook(stream))


def write_over(stream, text, end=""):
    """Write a line over the one before; in logs and parallel fits, write one line after another.

    ``end`` is written after a line that the next one is to be written over.
    """
    if _can_write_over(stream):
        width = shutil.get_terminal_size().columns - 1
        stream.write(f"\r{text[:width]:<{width}}{end}")
    else:
        stream.write(f"{_label()}{text}\n")
    stream.flush()


def end_line(stream):
    """End a line that was written over, so that it stays."""
    if _can_write_over(stream):
        stream.write("\n")
        stream.flush()


def duration(seconds):
    """Return a time as text, such as "3 min 05 s"."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def _means(curve):
    """Return the (name, mean over the members) of the loss, and of all else that there is."""
    means = zip(COLUMNS, map(mean_curve, curve[:, :, None]), strict=True)
    return [(name, *(mean or [nan])) for name, mean in means if mean or name == COLUMNS[0]]


class RemainingTime:
    """How long the remaining epochs of a fit will take, by the most recent ones."""

    def __init__(self, n_epochs):
        self.n_epochs, self.ends, self.n_seen = n_epochs, deque([monotonic()], RECENT + 1), 0

    def after(self, number):
        """Return the seconds that are left at the end of an epoch, given its number from 0."""
        self.ends.append(monotonic())
        self.n_seen += 1
        if self.n_seen == 2:
            self.ends.popleft()  # the first epoch also loads or compiles kernels
        each = (self.ends[-1] - self.ends[0]) / (len(self.ends) - 1)
        return each * (self.n_epochs - number - 1)


class LossTable:
    """A table with a line for each epoch, which parallel fits begin with their label."""

    def __init__(self):
        self.label, self.names = _label(), []

    def show(self, number, n_epochs, curve, seconds_left=None):
        """Print a line, with the header before the first one.

        ``number`` is the number of epochs before this one; ``curve`` (3, n_members) has training
        loss, validation loss and validation score, NaN if there is none; ``seconds_left`` is the
        time that the remaining epochs will take.
        """
        means = dict(_means(curve))
        last = "-" if seconds_left is None else duration(seconds_left)
        if number == 0:
            self.names = list(means)
            self._print("Iteration", n_epochs, self.names, "time left")
        cells = (f"{means.get(name, nan):.6f}" for name in self.names)
        self._print(f"{number + 1}/{n_epochs}", n_epochs, cells, last)

    def _print(self, first, n_epochs, cells, last):
        width = max(len("Iteration"), 2 * len(str(n_epochs)) + 1)
        parts = [first.rjust(width), *(f"{cell:>16}" for cell in cells), f"{last:>12}"]
        # All of a line at once, and in time, for lines of parallel fits.
        print(f"{self.label}{'  '.join(parts)}\n", end="", flush=True)

    def close(self):
        """Do nothing: the table stays."""


class ProgressLine:
    """One line with the epoch, the losses and the time left, if a fit will take long."""

    def __init__(self, stream):
        self.stream, self.begun, self.shown = stream, monotonic(), None

    def show(self, number, n_epochs, curve, seconds_left=None):
        """Update the line; see :meth:`LossTable.show`."""
        now = monotonic()
        if seconds_left is None or not self._is_due(now, seconds_left):
            return
        self.shown = now
        means = [f"{name} {mean:.4f}" for name, mean in _means(curve)[:2]]
        epoch, left = f"epoch {number + 1}/{n_epochs}", f"{duration(seconds_left)} left"
        self._write("  ".join([epoch, *means, left]))

    def _is_due(self, now, seconds_left):
        if self.shown is not None:
            return now - self.shown >= PAUSE
        passed = now - self.begun
        return seconds_left > 0 and passed >= FIRST_LOOK and passed + seconds_left > LONG

    def _write(self, text, end=""):
        # A terminal that was closed does not end a fit which nobody asked to show anything.
        with suppress(OSError, ValueError):
            write_over(self.stream, text, end)

    def close(self):
        """Remove the line."""
        if self.shown is not None:
            self._write("", end="\r")


def make_report(verbose, is_shown_otherwise):
    """Return what shows the progress of a fit, or None; callbacks may show it otherwise."""
    if not is_auto(verbose):
        return LossTable() if verbose else None
    stream = None if is_shown_otherwise else _stream_watched()
    return None if stream is None else ProgressLine(stream)
