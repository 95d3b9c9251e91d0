"""Model files: a fitted network as data that can be loaded without trusting who wrote it.

A model file is a file of arrays (see :mod:`skdnn.estimator.array_files`) whose manifest is a plain
value (see :mod:`skdnn.estimator.plain_values`). Whatever is read, the parts must fit together,
because compiled kernels do not check where they read.
"""

import os
from contextlib import contextmanager

from sklearn.preprocessing import FunctionTransformer

from skdnn.core.encoded_rows import Expansion
from skdnn.estimator.array_files import DamagedFileError, FileKind, read_arrays, write_arrays
from skdnn.estimator.encoder_adapters import adapted
from skdnn.estimator.fitted_model import fitted_model
from skdnn.estimator.inputs import COLUMNS
from skdnn.estimator.plain_values import check_savable, from_plain, to_plain
from skdnn.tabular._compat import CALLBACKS
from skdnn.tabular.encoder import TableEncoder

VERSION = "0.1.0"  # of skdnn
FORMAT = 1  # of the files; a higher one if earlier versions could not read them correctly
MODEL = FileKind("manifest.json", b"skdnn model, sha256 ")


class ModelFileError(ValueError):
    """A file is no model file, is damaged, or is of a later version of skdnn."""


class ModelFileMixin:
    """Mixin that saves the FittedModel of an estimator to a model file, and loads it."""

    def save(self, path):
        """Save the fitted network to a model file, which :func:`skdnn.load` reads.

        Unlike a pickle, a model file is data only: loading it runs no code. It can be read by all
        later versions of skdnn, with the same predictions to 1e-6.

        Parameters
        ----------
        path : str or path-like
            File to write. A file that is there is replaced once the new one is complete.

        Raises
        ------
        NotFittedError
            If the network is not fitted.
        TypeError
            If it has a custom activation, loss, scorer, splitter or encoder, a random number
            generator, or callbacks: Python code and objects of other libraries are not data.
        OSError
            If the file cannot be written.

        Notes
        -----
        The parameters and all that was learnt are saved, also what ``partial_fit`` and a warm start
        go on from. What is set by ``set_output`` and ``set_fit_request`` is not.
        """
        fitted = fitted_model(self)
        parameters = self.get_params(deep=False)
        for name, value in parameters.items():
            check_savable(name, value, getattr(type(self), name, None))
        if CALLBACKS in vars(self):
            raise TypeError("a model file cannot contain callbacks: call net.set_callbacks().")
        content = {"parameters": parameters, "fitted": fitted._replace(passes=None)}
        write_model(path, {"class": type(self).__name__, **content})

    @classmethod
    def load(cls, path):
        """Load a network from a model file that ``save`` wrote.

        No code in the file is run, so files of strangers can be loaded; see SECURITY.md.

        Parameters
        ----------
        path : str or path-like
            File to read.

        Returns
        -------
        DeepNetClassifier
            The fitted network; it predicts the same, and can be trained further.

        Raises
        ------
        ModelFileError
            If the file is not a model file, is damaged, or is of a later version of skdnn.
        OSError
            If there is no file, or it cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> import skdnn
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> net = skdnn.DeepNetClassifier(n_members=1, random_state=0).fit(X, y)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(f"{folder}/net.skdnn")
        ...     again = skdnn.load(f"{folder}/net.skdnn")
        >>> again.predict(X[:3])
        array([0, 0, 0])
        """
        with read_model(path) as content:
            if content["class"] != cls.__name__:
                raise ModelFileError(f"it contains a {content['class']}: use its method load.")
            net = cls(**content["parameters"])
            net._keep(check_model(content["fitted"]).with_passes())
        return net


def write_model(path, content):
    """Write a dict of objects to a model file."""
    arrays = []
    plain = {name: to_plain(value, arrays) for name, value in content.items()}
    write_arrays(path, MODEL, {"format": FORMAT, "skdnn": VERSION, **plain}, arrays)


@contextmanager
def read_model(path):
    """Yield the content of a model file, a dict.

    All errors from it become a ModelFileError, but an OSError, of opening or reading the file,
    stays.
    """
    with open(path, "rb") as file:
        try:
            yield _read(file)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # of any kind, whatever is in the file
            is_said = isinstance(error, (DamagedFileError, ModelFileError))
            reason = error if is_said else f"its content cannot be read as a model: {error}"
            raise ModelFileError(f"{os.fspath(path)!r} cannot be loaded: {reason}") from error


def _read(file):
    manifest, arrays = read_arrays(file, MODEL)
    if manifest["format"] > FORMAT:
        raise ModelFileError(
            f"it was saved by skdnn {manifest['skdnn']}, in a later format. Upgrade skdnn."
        )
    return {name: from_plain(plain, arrays) for name, plain in manifest.items()}


def check_model(fitted):
    """Return a FittedModel of a file if its parts fit together; raise an error of any kind if not.

    Kernels rely on it: they do not check where they read and write.
    """
    schema, widths, params = fitted.schema, fitted.widths, fitted.state.params
    n_members, n_parameters = params.shape
    encoder, curves, of_members = schema.encoder, fitted.curves, (n_members,)
    # Widths first: they are compared with bytes of the file, and others are made of them.
    are_widths = len(widths) > 1 and all(0 < width <= n_parameters for width in widths)
    is_known = type(encoder) in (TableEncoder, FunctionTransformer)
    _check(are_widths and is_known and set(schema.columns) <= set(COLUMNS))
    layout = adapted(encoder).expansion or Expansion(widths[0])
    sizes = layout.n_bins + layout.n_categories
    _check(layout.n_outputs == widths[0] and min(sizes, default=1) > 0)
    rule_state = fitted.state.rule_state.values()
    _check(
        fitted.network().n_parameters == n_parameters
        and schema.dtype in ("float32", "float64")
        and {array.dtype.name for array in (params, *rule_state)} == {schema.dtype}
        and {array.shape for array in (params, *rule_state)} == {params.shape}
        and schema.labels.classes.shape == (len(schema.labels.classes),)
        and schema.labels.n_outputs == widths[-1]
        and fitted.member_weights.shape == of_members
        and fitted.member_temperatures.shape == of_members
        and fitted.best_iter.shape == of_members
        and curves.shape == (3, n_members, curves.shape[-1])
        and n_members % len(fitted.variants) == 0
    )
    return fitted


def _check(fits):
    if not fits:
        raise ModelFileError("the parts of the network do not fit together")
