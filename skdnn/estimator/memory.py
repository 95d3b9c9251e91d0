"""The memory that training takes, compared with the memory that is free."""

import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from skdnn.tabular.user_warnings import warn_user

MEMINFO = Path("/proc/meminfo")
# Control groups, by which containers are limited: those of this process, and where they are. Their
# files with the limit and the use, and the line of the cache in "memory.stat".
GROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
VERSION_2 = ("memory.max", "memory.current", "inactive_file")
FILES = {"memory": VERSION_1, "": VERSION_2}  # by controller, which version 2 does not name
FRACTION = 0.5  # of the free memory, above which a warning says so
# Arrays of the size of the parameters: the initial ones, the current ones, those at the start of
# the epoch, those of the last good epoch and those of members that are done.
ARRAYS = 5
# L-BFGS: ten pairs of corrections and SciPy's other work arrays, in float64, for each thread.
LBFGS_BYTES = 8 * 30


def free_memory():
    """Return the free memory in bytes, or None if the system does not tell."""
    return min([*_free_in_system(), *_free_in_groups()], default=None)


def _free_in_system():
    """Yield the free memory of the system, if it tells."""
    with suppress(OSError, StopIteration):
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        # Unlike the free pages, it includes the cache of files, which the system gives back.
        yield next(int(line.split()[1]) * 1024 for line in lines if line[:13] == "MemAvailable:")
        return
    with suppress(AttributeError, ValueError, OSError):
        yield os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _free_in_groups():
    """Yield what the control groups of this process, and those around them, have left."""
    groups = []
    with suppress(OSError):
        groups = [line.split(":", 2) for line in OWN_GROUPS.read_text("utf-8").splitlines()]
    for _, controllers, path in groups:
        for controller in FILES.keys() & {*controllers.split(",")}:
            root = GROUPS / controller
            # In a container the path may be that of the host, while the limit is in the root.
            group = root / path.lstrip("/")
            for folder in (group, *group.parents):
                if folder.is_relative_to(root):
                    # A group without a limit has no such file, or "max" in it.
                    with suppress(OSError, ValueError):
                        yield _left_in(folder, *FILES[controller])


def _left_in(folder, limit, use, cache):
    """Return the bytes left of a limit; the cache of files is given back when it is needed."""
    limit, use = (int((folder / name).read_text("ascii")) for name in (limit, use))
    stats = dict(map(str.split, (folder / "memory.stat").read_text("ascii").splitlines()))
    return max(limit - use + int(stats.get(cache, 0)), 0)


def training_bytes(params_shape, dtype, plan, by_row, n_threads):
    """Return about how many bytes training allocates; the rows are there already.

    ``params_shape`` is (n_members, n_parameters). ``by_row`` tells whether steps update only some
    rows of the first layer's weights.
    """
    n_members, n_parameters = params_shape
    each = np.dtype(dtype).itemsize * n_parameters
    if plan.rule is None:
        return 2 * n_members * each + min(n_threads, n_members) * LBFGS_BYTES * n_parameters
    of_rule = len(plan.rule.memory) * (2 if plan.keep_memory else 1)
    return n_members * each * (ARRAYS + plan.keep_best + of_rule + (not by_row))


def warn_of_memory(params_shape, needed):
    """Warn if training takes more than half of the free memory, given the bytes needed."""
    free = free_memory()
    if free is None or needed <= FRACTION * free:
        return
    n_members, n_parameters = params_shape
    warn_user(
        f"training {n_members} member(s) of {n_parameters:,} parameters takes about "
        f"{_in_gib(needed)} of memory, and {_in_gib(free)} are free. For less, set smaller "
        "hidden_layer_sizes, fewer n_members (or folds in cv) or dtype='float32', or give X fewer "
        "columns, for instance by sklearn.feature_selection.SelectKBest or "
        "sklearn.decomposition.TruncatedSVD."
    )


def _in_gib(n_bytes):
    return f"{n_bytes / 2**30:.3g} GiB"
