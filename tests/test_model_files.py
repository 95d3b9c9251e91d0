"""Model files: what is saved is loaded, by all later versions; nothing in a file is run."""

import datetime
import io
import json
import os
import pickle
import stat
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from every_type import LIBRARIES, random_frame
from golden_model import DATA, golden_rows
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdnn
from benchmarks.reliability import mutated_models
from skdnn import DeepNetClassifier, ModelFileError, TableEncoder
from skdnn.estimator import array_files, model_files
from skdnn.estimator.plain_values import RECORDS, from_plain, to_plain
from skdnn.tabular.encoder import columns_of, with_columns

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of few rows and epochs

RNG = np.random.default_rng(0)
N_ROWS = 90
NUMBERS = RNG.normal(size=(N_ROWS, 4))
SPARSE = sparse.csr_array(np.where(NUMBERS > 0.5, NUMBERS, 0) * [1, 1, 0, 1])
NAMED = pd.DataFrame(NUMBERS, columns=list("abcd"))
HALF_HOUR = datetime.timezone(datetime.timedelta(0, 5400))
STRINGS = np.array(["no", "maybe", "yes"])[RNG.integers(0, 3, N_ROWS)]
BINARY = STRINGS == "yes"
FRAME = NAMED.assign(
    a=NAMED["a"].where(NAMED["a"] > -1),
    town=RNG.choice(["Rome", "Oslo", "Lima", None], N_ROWS),
    kind=pd.Categorical(RNG.choice(["x", "größer", "z\x00\n"], N_ROWS)),
    street=[f"street {n % 40}" for n in range(N_ROWS)],
    mixed=[(1, 2.5, "c", True)[n % 4] for n in range(N_ROWS)],
    price=[f"{n},5" for n in range(N_ROWS)],
    joined=[f"{n % 28 + 1:02}.03.2024" for n in range(N_ROWS)],
    clock=[f"{n % 24:02}:15" for n in range(N_ROWS)],
    passed=[f"{n % 9} days" for n in range(N_ROWS)],
    day=pd.date_range("2024-03-01", periods=N_ROWS),
    at=pd.date_range("2024-03-01", periods=N_ROWS, freq="h", tz="Europe/Rome"),
    offset=pd.date_range("2024-01-01", periods=N_ROWS, tz=HALF_HOUR),
    moment=pd.date_range("2024-01-01", periods=N_ROWS, tz="UTC"),
    wait=pd.to_timedelta(np.arange(N_ROWS) % 7, unit="h"),
    same=1.0,
    number=np.arange(N_ROWS),
)  # fmt: skip
PLAIN = {"hidden_layer_sizes": (5,), "max_iter": 3, "n_members": 2, "random_state": 0}
MULTILABEL = pd.DataFrame({"one": BINARY, "two": NUMBERS[:, 0] > 0})

# name: (parameters, X, y)
CASES = {
    "frame": ({}, FRAME, STRINGS),
    "strings as objects": ({}, FRAME, STRINGS.astype(object)),
    "integers": ({"encoder": "passthrough"}, NUMBERS, np.arange(N_ROWS, dtype=np.uint8) % 3),
    "named columns": ({"encoder": "passthrough"}, NAMED, BINARY),
    "floats": ({"dtype": "float64"}, NUMBERS, np.where(BINARY, -1.0, 7.0)),
    "dates": ({}, NUMBERS, np.where(BINARY, np.datetime64("2024-01-01"), np.datetime64("2025"))),
    "sparse": ({}, SPARSE, STRINGS),
    "sparse and dense": ({"encoder": "passthrough"}, SPARSE, STRINGS),
    "multilabel": ({}, NAMED, MULTILABEL),
    "multilabel array": ({}, NUMBERS, MULTILABEL.to_numpy()),
    "multilabel of tuples": ({}, NUMBERS, MULTILABEL.set_axis([("a", 1), ("b", 2)], axis=1)),
    "one network": ({"n_members": 1, "early_stopping": False}, FRAME, BINARY),
    "logistic regression": ({"hidden_layer_sizes": ()}, NUMBERS, BINARY),
    "lbfgs": ({"solver": "lbfgs", "hidden_layer_sizes": [4, 3]}, NUMBERS, STRINGS),
    "activations": (
        {"hidden_layer_sizes": (4, 3), "activation": ["silu", "tanh"]}, NUMBERS, BINARY,
    ),
    "warm start": ({"warm_start": True, "solver": "sgd"}, FRAME, STRINGS),
    "out-of-fold": ({"store_oof": True, "cv": 3, "n_members": 3}, NUMBERS, STRINGS),
    "splits": (
        {"cv": [(np.arange(60), np.arange(60, 90))] * 2, "store_oof": True}, NUMBERS, BINARY,
    ),
    "class weights": (
        {"class_weight": {"no": 2, "yes": 1.5, "maybe": np.float32(1)}}, NAMED, STRINGS,
    ),
    "encoder": ({"encoder": TableEncoder(max_categories=2, n_bins=3)}, FRAME, STRINGS),
    "NumPy's numbers": (
        {"random_state": np.int64(3), "n_iter_no_change": np.inf, "alpha": np.float64(0.1),
         "max_iter": np.int8(2)}, NUMBERS, BINARY,
    ),
    "initial weights": ({"coefs_init": [np.asfortranarray(NUMBERS[:4]), np.ones((4, 1))],
                         "hidden_layer_sizes": 4, "encoder": "passthrough"}, NUMBERS, BINARY),
    "target statistics": ({"target_statistics": 20}, FRAME, STRINGS),
    "constant": ({}, np.ones((N_ROWS, 2)), BINARY),
}  # fmt: skip


@pytest.fixture(scope="module")
def fits():
    return {
        name: DeepNetClassifier(**{**PLAIN, **given}).fit(X, y)
        for name, (given, X, y) in CASES.items()
    }


@pytest.fixture(scope="module")
def folder(fits, tmp_path_factory):
    """A folder of all networks, saved."""
    folder = tmp_path_factory.mktemp("models")
    for name, net in fits.items():
        net.save(folder / f"{name}.skdnn")
    return folder


PREDICT = """
import sys, pickle, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import skdnn
rows = pickle.load(sys.stdin.buffer)
found = {}
for name, X in rows.items():
    found[name] = skdnn.load(Path(sys.argv[1], f"{name}.skdnn")).predict_proba(X)
sys.stdout.buffer.write(pickle.dumps(found))
"""


def test_another_process_loads_them_and_predicts_the_same_bits(fits, folder):
    rows = pickle.dumps({name: X for name, (_, X, _) in CASES.items()})
    root = str(Path(skdnn.__file__).parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    result = subprocess.run(
        [sys.executable, "-c", PREDICT, folder], input=rows, capture_output=True, check=True,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    there = pickle.loads(result.stdout)
    assert len(there) == len(fits)
    for name, net in fits.items():
        np.testing.assert_array_equal(there[name], net.predict_proba(CASES[name][1]), name)


@given(st.sampled_from(sorted(LIBRARIES)), st.integers(0, 2**32))
def test_whatever_columns_a_network_is_fitted_to_it_can_be_saved(library, seed):
    rng = np.random.default_rng(seed)
    kinds = rng.choice(sorted(LIBRARIES[library][0]), 6)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        for kind in kinds:
            X = random_frame(rng, library, [kind, kind], 40)
            net = DeepNetClassifier((2,), n_members=1, max_iter=1, random_state=0)
            try:
                expected = net.fit(X, np.arange(40) % 2).predict_proba(X)
            except (TypeError, ValueError):
                continue  # of columns that are no features
            net.save(f"{folder}/net.skdnn")
            found = skdnn.load(f"{folder}/net.skdnn").predict_proba(X)
            np.testing.assert_array_equal(found, expected)


def assert_same(found, expected, name):
    """Compare two values, of any types; objects by what they consist of."""
    if isinstance(expected, np.ndarray):
        np.testing.assert_array_equal(found, expected, name)
        assert found.dtype == expected.dtype, name
    elif isinstance(expected, dict) or hasattr(expected, "items"):
        assert list(found) == list(expected), name
        for key in list(expected)[:50]:
            assert_same(found[key], expected[key], (name, key))
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), name
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, (name, number))
    elif hasattr(expected, "get_params"):
        assert_same(*(dict(sorted(vars(each).items())) for each in (found, expected)), name)
    else:
        assert found == expected or (found != found and expected != expected), name
    assert type(found) is type(expected), name


@pytest.mark.parametrize("name", CASES)
def test_a_loaded_network_has_everything_that_the_saved_one_has(name, fits, folder):
    net, again = fits[name], skdnn.load(folder / f"{name}.skdnn")
    without = [
        vars(each) | {"_fitted": each._fitted._replace(passes=None)} for each in (again, net)
    ]
    assert_same(*without, name)
    assert len(without[0]) > 60
    for attribute in ("coefs_", "intercepts_", "temperature_", "oof_score_", "oof_proba_"):
        missing = object()
        found, expected = (getattr(each, attribute, missing) for each in (again, net))
        assert (found is missing) == (expected is missing)
        if expected is not missing:
            assert_same(found, expected, attribute)
    assert str(again.summary()) == str(net.summary())
    assert repr(again) == repr(net)
    assert again._repr_html_() is not None
    X, y = CASES[name][1:]
    assert again.score(X, y) == net.score(X, y)
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


@pytest.mark.parametrize("name", CASES)
def test_a_loaded_network_is_saved_as_the_same_file(name, folder, tmp_path):
    path = folder / f"{name}.skdnn"
    skdnn.load(path).save(tmp_path / "again.skdnn")
    assert (tmp_path / "again.skdnn").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["frame", "sparse", "multilabel", "integers", "warm start"])
def test_a_loaded_network_goes_on_like_the_saved_one(name, fits, folder):
    _, X, y = CASES[name]
    both = pickle.loads(pickle.dumps(fits[name])), skdnn.load(folder / f"{name}.skdnn")
    for net in both:
        net.partial_fit(X, y)
        net.set_params(warm_start=True).fit(X, y)
    assert_same(both[1].coefs_, both[0].coefs_, name)
    assert both[0].t_ == both[1].t_ > fits[name].t_
    assert_same(clone(both[1]).fit(X, y).coefs_, clone(both[0]).fit(X, y).coefs_, name)


def test_a_network_in_the_middle_of_partial_fit_goes_on_to_the_same_bits(tmp_path):
    net = DeepNetClassifier(**PLAIN).partial_fit(
        FRAME[:50], STRINGS[:50], classes=["no", "maybe", "yes"]
    )
    net.save(tmp_path / "net.skdnn")
    again = skdnn.load(str(tmp_path / "net.skdnn"))
    for each in (net, again):
        each.partial_fit(FRAME[50:], STRINGS[50:])
    np.testing.assert_array_equal(again.predict_proba(FRAME), net.predict_proba(FRAME))
    assert again._fitted.state.n_steps == net._fitted.state.n_steps > 1


def test_what_was_assigned_after_fit_is_saved(tmp_path):
    net = DeepNetClassifier(**PLAIN).fit(NUMBERS, BINARY)
    net.coefs_, net.temperature_ = [2 * weights for weights in net.coefs_], 3
    net.save(tmp_path / "net.skdnn")
    again = skdnn.load(tmp_path / "net.skdnn")
    np.testing.assert_array_equal(again.predict_proba(NUMBERS), net.predict_proba(NUMBERS))
    assert again.temperature_ == 3


def test_attributions_and_displays_work_on_a_loaded_network(folder, fits):
    pytest.importorskip("matplotlib").use("Agg")
    again, net = skdnn.load(folder / "frame.skdnn"), fits["frame"]
    found, expected = (skdnn.integrated_gradients(each, FRAME[:4]) for each in (again, net))
    np.testing.assert_array_equal(found.values, expected.values)
    for display in (skdnn.LossCurveDisplay, skdnn.WeightsDisplay, skdnn.ArchitectureDisplay):
        display.from_estimator(again)


# The promise: files of any released version load in every later one.


def test_there_is_a_golden_file_of_this_version():
    assert (DATA / f"model-{skdnn.__version__}.skdnn").stat().st_size < 40_000


@pytest.mark.parametrize("path", sorted(DATA.glob("model-*.skdnn")), ids=lambda path: path.stem)
def test_a_golden_file_of_any_version_predicts_the_same(path):
    X, y = golden_rows()
    expected = np.array(json.loads(path.with_suffix(".json").read_text("utf-8")))
    net = skdnn.load(path)
    np.testing.assert_allclose(net.predict_proba(X), expected, rtol=0, atol=1e-6)
    assert np.ptp(expected, axis=0).min() > 0.1
    assert net.classes_.tolist() == sorted(set(y))
    net.set_params(warm_start=True).fit(X, y)
    assert np.isfinite(net.predict_proba(X)).all()


def test_a_file_of_a_later_format_says_so(folder, tmp_path):
    members = mutated_models.read_members((folder / "integers.skdnn").read_bytes())
    manifest = json.loads(members["manifest.json"])
    manifest |= {"format": model_files.FORMAT + 1, "skdnn": "17.3", "fitted": {"New": {}}}
    members["manifest.json"] = json.dumps(manifest).encode()
    (tmp_path / "net.skdnn").write_bytes(mutated_models.as_file(members))
    with pytest.raises(ModelFileError, match=r"saved by skdnn 17\.3.* Upgrade skdnn"):
        skdnn.load(tmp_path / "net.skdnn")


class Calendar(NamedTuple):
    """A record with a field that another record had in an earlier version."""

    dates: list


def test_a_field_with_a_default_may_be_missing_from_an_older_file():
    plain = to_plain(skdnn.tabular.scaling.NO_COLUMNS, arrays := [])
    assert_same(from_plain(plain, arrays), skdnn.tabular.scaling.NO_COLUMNS, "scaling")
    assert from_plain({"ColumnType": {"kind": "date"}}, []).kinds == ()
    with pytest.raises(TypeError, match="spread"):
        from_plain({"Scaling": {"center": {"array": 0}}}, arrays)


def test_a_field_is_renamed_in_its_own_record_only(monkeypatch):
    monkeypatch.setitem(RECORDS, "Calendar", Calendar)
    assert from_plain(to_plain(Calendar([1]), []), []) == Calendar([1])


def test_the_names_in_files_are_those_of_released_versions():
    # A type that is renamed could not be read from files that there are.
    assert set(RECORDS) == {
        "FittedModel", "State", "DataSchema", "Labels", "Variant", "ColumnEncoders",
        "SparseColumns", "ColumnType", "Scaling", "Categories", "TargetStatistics",
        "NumberFormat", "DateFormat", "KindFormat", "ClockFormat", "DurationFormat",
    }  # fmt: skip


# What cannot be saved.


def halved(z):
    return z / 2


class Net(DeepNetClassifier):
    pass


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("activation", halved),
        ("activation", ["relu", halved]),
        ("loss", lambda logits, targets: ((logits - targets) ** 2, 2 * (logits - targets))),
        ("scoring", lambda net, X, y: net.score(X, y)),
        ("encoder", StandardScaler()),
        ("encoder", make_pipeline(StandardScaler())),
        ("cv", KFold(2)),
        ("random_state", np.random.RandomState(0)),
        ("class_weight", {"no": datetime.date(2024, 1, 1)}),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_code_and_foreign_objects_are_refused_by_name_with_advice(name, value, fits, tmp_path):
    net = pickle.loads(pickle.dumps(fits["integers"])).set_params(**{name: value})
    with pytest.raises(TypeError, match=rf"^{name}: .*pickle, joblib or skops"):
        net.save(tmp_path / "net.skdnn")
    assert list(tmp_path.iterdir()) == []
    default = DeepNetClassifier().get_params()[name]
    net.set_params(**{name: default}).save(tmp_path / "net.skdnn")


def test_what_a_fitted_network_needs_is_refused_whatever_the_parameters_say(tmp_path):
    for needed in ({"activation": halved}, {"encoder": StandardScaler()}):
        net = DeepNetClassifier(**PLAIN, **needed).fit(NUMBERS, BINARY)
        net.set_params(activation="relu", encoder="auto")
        with pytest.raises(TypeError, match="a model file cannot contain"):
            net.save(tmp_path / "net.skdnn")


def test_callbacks_are_refused(fits, tmp_path):
    net = pickle.loads(pickle.dumps(fits["integers"]))
    vars(net)["_skl_callbacks"] = [object()]
    with pytest.raises(TypeError, match=r"callbacks: call net\.set_callbacks\(\)"):
        net.save(tmp_path / "net.skdnn")


def test_an_unfitted_network_cannot_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        DeepNetClassifier().save(tmp_path / "net.skdnn")


def test_a_subclass_loads_its_own_files(tmp_path):
    net = Net(**PLAIN).fit(NUMBERS, BINARY)
    net.save(tmp_path / "net.skdnn")
    assert type(Net.load(tmp_path / "net.skdnn")) is Net
    with pytest.raises(ModelFileError, match="contains a Net"):
        skdnn.load(tmp_path / "net.skdnn")


# Writing.


def test_a_failed_save_leaves_the_file_before_it_and_no_other(fits, folder, tmp_path, monkeypatch):
    path = tmp_path / "net.skdnn"
    fits["integers"].save(path)
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    of_modules = [(array_files.npy, "write_array"), *((os, name) for name in ("fsync", "replace"))]
    for module, name in of_modules:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            with pytest.raises(OSError, match="No space"):
                fits["frame"].save(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]
    fits["frame"].save(path)
    assert path.read_bytes() == (folder / "frame.skdnn").read_bytes()


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="Windows cannot sync folders")
def test_a_file_is_on_the_disk_before_it_replaces_another_and_then_its_name(
    fits, tmp_path, monkeypatch
):
    def recorded(name):
        function = getattr(os, name)

        def call(first, *others):
            is_folder = name == "fsync" and stat.S_ISDIR(os.fstat(first).st_mode)
            calls.append("fsync of folder" if is_folder else name)
            return function(first, *others)

        return call

    calls = []
    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, recorded(name))
    fits["integers"].save(tmp_path / "net.skdnn")
    assert calls == ["fsync", "replace", "fsync of folder"]


def test_a_folder_that_is_not_there_is_an_error(fits, tmp_path):
    with pytest.raises(FileNotFoundError):
        fits["integers"].save(tmp_path / "nowhere" / "net.skdnn")
    with pytest.raises(FileNotFoundError):
        skdnn.load(tmp_path / "net.skdnn")


def test_a_manifest_is_not_written_larger_than_it_is_read(fits, tmp_path, monkeypatch):
    monkeypatch.setattr(array_files, "MOST_OF_MANIFEST", 1000)
    with pytest.raises(ValueError, match="room for 1,000"):
        fits["frame"].save(tmp_path / "net.skdnn")


def test_numpy_reads_the_arrays_of_a_file(fits, folder):
    with np.load(io.BytesIO((folder / "frame.skdnn").read_bytes())) as arrays:
        shapes = [arrays[name].shape for name in arrays.files if name != "manifest.json"]
    assert fits["frame"]._fitted.state.params.shape in shapes


# Reading.


def test_every_changed_bit_is_noticed(folder, tmp_path):
    data, path = (folder / "integers.skdnn").read_bytes(), tmp_path / "net.skdnn"
    rng = np.random.default_rng(0)
    for place in [*range(0, len(data), 29), *range(len(data) - 120, len(data))]:
        changed = bytearray(data)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        with pytest.raises(ModelFileError):
            skdnn.load(path)


def test_mutated_files_are_refused_or_harmless():
    counts = mutated_models.run(400)
    assert sum(counts.values()) == 400
    assert counts["damaged", "refused"] >= 195
    assert counts["forged", "refused"] >= 150
    assert counts["forged", "a network with other predictions"] > 0  # some get past the checks


@pytest.mark.slow
def test_many_more_mutated_files_are_refused_or_harmless():
    assert sum(mutated_models.run(10_000, seed=1).values()) == 10_000


def test_the_fuzzing_notices_what_it_is_there_for(folder, tmp_path, monkeypatch):
    with pytest.raises(AssertionError, match="find_class"), mutated_models.watched():
        pickle.loads(pickle.dumps(mutated_models.Payload()))
    mutated_models._seen.clear()
    with pytest.raises(AssertionError, match="bytes"), mutated_models.watched():
        bytes(2 * mutated_models.MOST_BYTES)
    path = tmp_path / "net.skdnn"
    path.write_bytes((folder / "integers.skdnn").read_bytes())
    with pytest.raises(AssertionError, match="other predictions"):
        mutated_models.outcome(path, NUMBERS, np.zeros((N_ROWS, 3)), False)
    monkeypatch.setattr(array_files, "_check_digest", lambda file, kind: None)
    with pytest.raises(AssertionError, match=r"flipped|overwritten|swapped|shifted"):
        mutated_models.run(1000)


def test_a_dict_whose_keys_have_the_same_hash_is_refused():
    pairs = [[number * (2**61 - 1), 0] for number in range(1000)]  # of hash 0
    with pytest.raises(ValueError, match="same hash"):
        from_plain({"dict": pairs}, [])
    same = {"dict": [[number, 0] for number in range(1000)]}
    assert from_plain(same, []).keys() == {*range(1000)}


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_bomb_is_not_unpacked(method, folder, tmp_path):
    members = mutated_models.read_members((folder / "integers.skdnn").read_bytes())
    for name in ("manifest.json", "0.npy"):
        bomb = mutated_models.as_file({**members, name: bytes(2**25)}, method)
        assert len(bomb) < 2**17
        (tmp_path / "net.skdnn").write_bytes(bomb)
        with pytest.raises(ModelFileError, match="compressed"), mutated_models.watched():
            skdnn.load(tmp_path / "net.skdnn")


@pytest.mark.parametrize(
    "change",
    [
        {"widths": (4, 10**9, 3)},
        {"widths": (4, 0, 10**12)},
        {"widths": (4,)},
        {"member_weights": np.ones(3)},
        {"curves": np.ones((3, 1, 2))},
        {"variants": ("a", "b", "c")},
    ],
    ids=str,
)
def test_parts_that_do_not_fit_together_are_refused(change, fits, tmp_path):
    fitted = fits["integers"]._fitted._replace(passes=None, **change)
    content = {"class": "DeepNetClassifier", "parameters": {}, "fitted": fitted}
    model_files.write_model(tmp_path / "net.skdnn", content)
    with pytest.raises(ModelFileError, match="do not fit"), mutated_models.watched():
        skdnn.load(tmp_path / "net.skdnn")


@pytest.mark.parametrize(
    "change",
    [
        {"bin_edges": {0: np.empty(0), 1: np.arange(40.0)}},
        {"scaling": skdnn.tabular.scaling.NO_COLUMNS},
        {"categories": {}},
    ],
    ids=str,
)
def test_an_encoder_that_does_not_fit_the_network_is_refused(change, fits, tmp_path):
    fitted = fits["frame"]._fitted._replace(passes=None)
    encoder = fitted.schema.encoder
    encoder = with_columns(encoder, columns_of(encoder)._replace(**change))
    fitted = fitted._replace(schema=fitted.schema._replace(encoder=encoder))
    content = {"class": "DeepNetClassifier", "parameters": {}, "fitted": fitted}
    model_files.write_model(tmp_path / "net.skdnn", content)
    with pytest.raises(ModelFileError, match="do not fit"), mutated_models.watched():
        skdnn.load(tmp_path / "net.skdnn")


def test_a_disk_that_cannot_be_read_is_no_fault_of_the_file(tmp_path, monkeypatch):
    path = tmp_path / "net.skdnn"
    DeepNetClassifier(**PLAIN).fit(NUMBERS, BINARY).save(path)

    def broken(*args):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(model_files, "read_arrays", broken)
    with pytest.raises(OSError, match="Input/output error"):
        skdnn.load(path)


def test_a_member_before_the_beginning_of_a_file_is_an_error_of_the_file(tmp_path):
    path = tmp_path / "net.skdnn"
    DeepNetClassifier(**PLAIN).fit(NUMBERS, BINARY).save(path)
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
    content, place = bytearray(path.read_bytes()), 42  # of the offset in an entry of the directory
    content[start + place : start + place + 4] = (0).to_bytes(4, "little")
    end = content.rindex(b"PK\5\6")
    # The directory is said to begin later than it does, so that all offsets are negative.
    content[end + 16 : end + 20] = (start + 7).to_bytes(4, "little")
    size = array_files._digest_size()
    digest = array_files.hashlib.sha256(content[:-size]).hexdigest().encode()
    path.write_bytes(content[:-size] + digest)
    with pytest.raises(ModelFileError):
        skdnn.load(path)
