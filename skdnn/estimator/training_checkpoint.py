"""Checkpoints of a fit: which fit it is, when to write a file, and how to resume from one."""

import hashlib
import sys
import threading
import time
from contextlib import suppress

import numpy as np
from scipy.sparse import issparse

from skdnn.core import compiling
from skdnn.core.training import History, State
from skdnn.estimator.array_files import DamagedFileError
from skdnn.estimator.atomic_files import remove_abandoned
from skdnn.estimator.checkpoint_file import Contents, is_foreign, load, previous_of, save, set_aside
from skdnn.estimator.parameter_hashes import HASH, described
from skdnn.tabular.user_warnings import warn_user

PACKAGES = "skdnn", "numpy", "scipy", "sklearn"
# Parameters that training does not depend on. The random state is compared by what was drawn.
NOT_COMPARED = "n_jobs", "random_state", "refit_fraction", "store_oof", "verbose"
VERSION = "the version of "  # how names of versions begin
LONGEST = 60  # characters of two values that are shown


class TrainingCheckpoint:
    """The checkpoint of one fit.

    It is an error if there is another file at the path, which would be overwritten.

    Parameters
    ----------
    path : Path
        A file, or a folder in which each fit has a file of its own.
    identity : dict of str to str
        What training depends on, see :func:`identity_of`.
    every : float
        Seconds from one file to the next.
    every_epochs : int or None
        Epochs from one file to the next, instead of seconds.

    Attributes
    ----------
    saved : dict of str to ndarray or None
        A snapshot of an earlier call, to resume from; None once training has resumed.
    result : tuple of State and History, or None
        Of an earlier call that came to its end.
    """

    def __init__(self, path, identity, every, every_epochs):
        path = path / f"{_name_of(identity)}.checkpoint" if path.is_dir() else path
        # The previous file is beside the one that a symbolic link leads to, on the same disk.
        self.path = path.resolve() if path.is_symlink() else path
        self.identity, self.every, self.every_epochs = identity, every, every_epochs
        self.saved = self.result = None
        self._lock, self._n_epochs = threading.Lock(), 0
        self._has_warned = self._is_blocked = False
        self._written = time.monotonic()
        remove_abandoned(self.path)
        self._load()

    def _load(self):
        """Read the file of an earlier call, or the previous one if there is something wrong."""
        troubles, found, paths = [], None, (self.path, previous_of(self.path))
        for path in filter(is_foreign, paths):
            raise ValueError(
                f"The file {path} is not a checkpoint of this version of skdnn, and would be "
                "overwritten. Choose another path, or move the file."
            )
        for path in paths:
            found, trouble = self._read(path)
            troubles += [trouble] if trouble else []
            if found is not None:
                break
        if found is not None and found.is_done:
            self.result = _as_result(found.arrays)
            self._remove_previous()
        elif found is not None:
            self.saved = found.arrays
        if troubles:
            outcome = "starts anew" if found is None else "resumes from the previous checkpoint"
            kept = " No checkpoint is written, to keep this file." if self._is_blocked else ""
            warn_user(f"{' '.join(troubles)} Training {outcome}.{kept}")

    def _read(self, path):
        """Return the Contents if they are of this fit, and what the user should know if not."""
        try:
            contents = load(path)
            if contents.is_done:
                _as_result(contents.arrays)  # raises an error if arrays are missing
        except (FileNotFoundError, NotADirectoryError):
            return None, None
        except OSError as error:
            self._is_blocked = True
            return None, f"The checkpoint {path} cannot be read: {error}."
        except DamagedFileError as error:
            return None, f"The checkpoint {path} cannot be used: {error}. {self._set_aside(path)}"
        reasons = _differences(contents.identity, self.identity)
        if not reasons:
            return contents, None
        # The file of a complete fit is replaced without a warning: its estimator was returned.
        said = f"The checkpoint {path} is of another fit: {', '.join(reasons)}."
        hint = "Several fits need a folder as path, where each has a file of its own."
        return None, (None if contents.is_done else f"{said} {hint}")

    def _set_aside(self, path):
        """Rename a file that cannot be used; return what the user should know."""
        try:
            return f"It is kept as {set_aside(path).name}."
        except OSError as error:
            self._is_blocked = True
            return f"It cannot be renamed: {error}."

    def offer(self, snapshot):
        """Write a file if one is due; ``snapshot()`` is the state of training, a dict of arrays."""
        with self._lock:
            self.saved = None  # training has resumed: it has copied these arrays, or changes them
            self._n_epochs += 1
            if self._is_due():
                self._write(Contents(self.identity, False, snapshot()))

    def _is_due(self):
        if self.every_epochs is not None:
            return self._n_epochs % self.every_epochs == 0
        return time.monotonic() - self._written >= self.every

    def finish(self, state, history):
        """Write the result of training, unless it was ended from outside."""
        if history.stopped_by is None:
            self._write(Contents(self.identity, True, _as_arrays(state, history)))

    def _remove_previous(self):
        with suppress(OSError):
            previous_of(self.path).unlink()

    def _write(self, contents):
        """Write a file; if that fails, warn once."""
        if self._is_blocked:
            return
        try:
            save(self.path, contents)
            if contents.is_done:
                self._remove_previous()
        except OSError as error:
            if not self._has_warned:
                warn_user(
                    f"The checkpoint {self.path} could not be written: {error}. Training goes on, "
                    "and tries again later; an interruption loses all since the last checkpoint."
                )
            self._has_warned = True
        self._written = time.monotonic()


RULE = "rule."  # prefix of the names of arrays of the update rule


def _as_arrays(state, history):
    """Return the result of training as a dict of arrays."""
    rule_state = {RULE + name: array for name, array in state.rule_state.items()}
    of_history = history._asdict()
    del of_history["stopped_by"]
    return {"params": state.params, "n_steps": np.array(state.n_steps), **rule_state, **of_history}


def _as_result(arrays):
    """Return the State and the History of arrays; raise a DamagedFileError if some are missing."""
    needed = {"params", "n_steps", *History._fields} - {"stopped_by"}
    if not needed <= arrays.keys():
        raise DamagedFileError(f"it has no arrays {sorted(needed - arrays.keys())}")
    rule_state = {name.removeprefix(RULE): arrays[name] for name in arrays if RULE in name}
    of_history = {name: arrays[name] for name in History._fields if name in arrays}
    return State(arrays["params"], rule_state, int(arrays["n_steps"])), History(**of_history)


def identity_of(settings, fit_data, start, curves):
    """Return what training depends on: versions, parameters, and hashes of all data.

    Names and descriptions are words that a message can contain. Training begins at the State
    ``start``, with the curves of the training that is continued.
    """
    backend, split = compiling.backend(), fit_data.split
    packages = (*PACKAGES, "numba") if backend == "numba" else PACKAGES
    compared = {k: value for k, value in vars(settings).items() if k not in NOT_COMPARED}
    seed = fit_data.schema.seed
    begun = start.params, *start.rule_state.values(), curves, np.array([start.n_steps, seed])
    return {
        **{f"{VERSION}{name}": sys.modules[name].__version__ for name in packages},
        f"{VERSION}the kernels": backend,
        **{f"the parameter {name}": described(value) for name, value in compared.items()},
        "the training rows": _hash_data(fit_data.prepared.data, fit_data.fingerprint),
        "the validation rows": "" if split.valid_data is None else _hash_data(split.valid_data),
        "the folds": _hash_arrays(*split.train_rows, *(split.valid_rows or ())),
        "random_state or the initial parameters": _hash_arrays(*begun),
    }


def _hash_data(data, fingerprint=""):
    """Return a hash of encoded rows, targets, weights, and a fingerprint of other rows."""
    rows = data.rows.array
    parts = (rows.data, rows.indices, rows.indptr) if issparse(rows) else (rows,)
    read_later = np.frombuffer(fingerprint.encode(), np.uint8)
    return _hash_arrays(*parts, data.targets, data.weights, read_later)


def _hash_arrays(*arrays):
    """Return a hash of the types, shapes and values of arrays."""
    total = hashlib.blake2b(digest_size=16)
    for array in arrays:
        total.update(f"{array.dtype.str} {array.shape} ".encode())
        total.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return HASH + total.hexdigest()


def _name_of(identity):
    """Return a name for a fit, whatever the versions: a file of others is found, and refused."""
    parts = [f"{name}={value}" for name, value in identity.items() if VERSION not in name]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def _differences(before, now):
    """Return what differs between identities, in words."""
    names = [name for name in {**now, **before} if before.get(name) != now.get(name)]
    return [_difference(name, str(before.get(name)), str(now.get(name))) for name in names]


def _difference(name, before, now):
    are_shown = not f"{before}{now}".count(HASH) and len(before + now) < LONGEST
    return f"{name} was {before} and is {now}" if are_shown else f"{name} changed"
