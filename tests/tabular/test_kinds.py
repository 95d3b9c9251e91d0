"""Kinds of columns that are added to the table are read, learnt, encoded and saved."""

import ipaddress
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

import skdnn
from skdnn import DeepNetClassifier, TableEncoder
from skdnn.estimator.plain_values import from_plain
from skdnn.export import to_onnx
from skdnn.tabular.kinds import KINDS, Kind, KindFormat

ADDRESSES = [f"10.0.{n % 3}.{n % 50}" for n in range(200)]
TAGS = [
    [tag for tag, every in (("a", 2), ("b", 3), ("c", 5)) if n % every == 0] for n in range(200)
]
X = pd.DataFrame(
    {
        "address": [None if n % 7 == 0 else text for n, text in enumerate(ADDRESSES)],
        "tags": [None if n % 11 == 0 else tags for n, tags in enumerate(TAGS)],
        "number": np.arange(200) % 17,
    }
)
Y = ["a" in tags for tags in TAGS]
pytestmark = pytest.mark.filterwarnings("ignore:Columns of strings are read")


def parse_address(text):
    try:
        return ipaddress.IPv4Address(text)
    except ValueError:
        return None


def bytes_of(addresses, learnt):
    return [list(address.packed) for address in addresses]


def read_tags(tags):
    return tuple(sorted(tags))


def parse_tags(text):
    return tuple(text[1:].split("#")) if text.startswith("#") else None


def most_frequent(shares):
    totals = {}
    for tags, share in shares.items():
        totals |= {tag: totals.get(tag, 0) + share for tag in tags}
    return "count", *sorted(totals, key=lambda tag: (-totals[tag], tag))[:2]


def are_tagged(values, learnt):
    return [[len(tags), *(tag in tags for tag in learnt[1:])] for tags in values]


BYTES = tuple(f"byte{n}" for n in range(4))
ADDED = {
    "address": Kind("addresses", (ipaddress.IPv4Address,), None, parse_address, bytes_of, BYTES),
    "tags": Kind(
        "lists of tags", (list, np.ndarray), read_tags, parse_tags, are_tagged, None, most_frequent
    ),
}


@pytest.fixture(autouse=True)
def _added(monkeypatch):
    for name, kind in ADDED.items():
        monkeypatch.setitem(KINDS, name, kind)


def by_hand():
    """Return a table of numbers that should be encoded as the columns of added kinds are."""
    parsed = [text.split(".") for text in ADDRESSES]
    numbers = pd.DataFrame(parsed, columns=[f"address_byte{n}" for n in range(4)], dtype=float)
    numbers[X["address"].isna()] = np.nan
    tags = pd.DataFrame(are_tagged(TAGS, ("count", "a", "b")), dtype=float)
    tags.columns = ["tags_count", "tags_a", "tags_b"]
    tags[X["tags"].isna()] = np.nan
    return numbers.join(tags)


def test_the_numbers_of_an_added_kind_are_encoded_as_columns_of_numbers_are():
    encoder, hand = TableEncoder().fit(X), TableEncoder().fit(by_hand())
    found = pd.DataFrame(encoder.transform(X), columns=encoder.get_feature_names_out())
    wanted = pd.DataFrame(hand.transform(by_hand()), columns=hand.get_feature_names_out())
    own = ["address_byte2", "address_byte3", "tags_count", "tags_a", "tags_b"]
    own = [name for name in wanted if name in own or "_bin" in name]
    assert {"address_byte2", "address_byte3_bin1", "tags_count_bin1", "tags_a"} <= {*own}
    known = X.notna().all(axis=1)  # of columns of numbers, missing ones may be estimated
    pd.testing.assert_frame_equal(found.loc[known, own], wanted.loc[known, own])
    np.testing.assert_array_equal(found["address_missing"], X["address"].isna())
    np.testing.assert_array_equal(found["tags_missing"], X["tags"].isna())
    assert (found.loc[X["tags"].isna(), ["tags_count", "tags_a"]] == 0).all(axis=None)


def test_objects_strings_and_other_libraries_give_the_same_bits():
    wanted = TableEncoder().fit(X).transform(X)
    objects = X.assign(
        address=[parse_address(str(text)) for text in X["address"]],
        tags=X["tags"].map(lambda tags: np.array(tags) if isinstance(tags, list) else None),
    )
    frame = pl.DataFrame(
        {
            "address": [text if isinstance(text, str) else None for text in X["address"]],
            "tags": [tags if isinstance(tags, list) else None for tags in X["tags"]],
            "number": X["number"].to_numpy(),
        }
    )
    for table in (objects, frame):
        np.testing.assert_array_equal(TableEncoder().fit(table).transform(table), wanted)


def test_strings_of_any_beginning_are_read_as_a_kind_that_parses_them():
    strings = [f"#{'#'.join(tags)}" if tags else "?" for tags in TAGS]
    encoder = TableEncoder().fit(pd.DataFrame({"tags": strings}))
    assert encoder.parsed_columns_["tags"].startswith("lists of tags")
    assert "tags_a" in encoder.get_feature_names_out()


def test_weights_are_repetitions_in_any_order():
    weights = np.arange(200) % 3
    rows = np.random.default_rng(0).permutation(np.repeat(np.arange(200), weights))
    weighted = TableEncoder().fit(X, Y, sample_weight=weights)
    repeated = TableEncoder().fit(X.iloc[rows], np.array(Y)[rows])
    np.testing.assert_array_equal(weighted.transform(X), repeated.transform(X))


@pytest.fixture(scope="module")
def net():
    with pytest.MonkeyPatch.context() as patch:
        for name, kind in ADDED.items():
            patch.setitem(KINDS, name, kind)
        return DeepNetClassifier((8,), n_members=2, max_iter=60, random_state=0).fit(X, Y)


def test_a_network_learns_from_it_and_one_row_is_predicted_as_all(net):
    assert net.score(X.dropna(), np.array(Y)[X.notna().all(axis=1)]) > 0.9
    one = np.vstack([net.predict_proba(X.iloc[[n]]) for n in range(20)])
    np.testing.assert_allclose(one, net.predict_proba(X.iloc[:20]), rtol=1e-12)


def test_pickles_and_model_files_predict_the_same(net, tmp_path):
    wanted = net.predict_proba(X)
    net.save(tmp_path / "net")
    for again in (pickle.loads(pickle.dumps(net)), skdnn.load(tmp_path / "net")):
        np.testing.assert_array_equal(again.predict_proba(X), wanted)


def test_where_the_kind_is_not_added_the_error_says_so(net, monkeypatch):
    monkeypatch.delitem(KINDS, "address")
    with pytest.raises(ValueError, match=r"'address' of X: add the kind 'address' to"):
        net.predict(X)


def test_it_has_no_onnx_model_and_the_error_names_the_column(net):
    with pytest.raises(ValueError, match="column 'address' has addresses, which ONNX models"):
        to_onnx(net)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("tags", "red", "held lists of tags in fit, but not now: it holds 'red'"),
        ("tags", 3.5, "held lists of tags in fit, but not now: it holds numbers such as 3.5"),
        ("number", X["tags"], "held numbers in fit, but not now: it holds lists of tags such as"),
    ],
)
def test_values_of_another_kind_than_in_fit_are_an_error(net, column, values, message):
    with pytest.raises(ValueError, match=message):
        net.predict(X.assign(**{column: values}))


def test_a_missing_value_may_be_the_only_one_and_a_typical_row_has_the_medians():
    encoder = TableEncoder(n_bins=0).fit(X)
    (row,) = encoder.transform(X.iloc[:1].assign(tags=None, address=None))
    names = encoder.get_feature_names_out().tolist()
    assert row[names.index("tags_missing")] == row[names.index("address_missing")] == 1
    np.testing.assert_array_equal(encoder.typical_row(), np.zeros((1, len(names))))


@pytest.mark.parametrize(
    ("name", "kind"), [("ClockFormat", "time of day"), ("DurationFormat", "duration")]
)
def test_formats_in_older_model_files_are_those_of_kinds(name, kind):
    assert from_plain({name: {"name": KINDS[kind].plural}}, []) == KindFormat(kind)


def constant_address():
    return X.assign(address="10.0.0.1")


def quick_fit(table):
    return DeepNetClassifier((4,), n_members=1, max_iter=1, random_state=0).fit(table, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_error_in_reading_a_constant_column_is_no_change_of_it(monkeypatch):
    net = quick_fit(constant_address())
    assert net.encoder_.ignored_columns_["address"] == "constant"
    with pytest.warns(UserWarning, match=r"'address' \(no longer constant or missing\)"):
        quick_fit(constant_address()).partial_fit(X.assign(address=3.5), Y)

    def fail(addresses, learnt):
        raise ValueError("no address")

    monkeypatch.setitem(KINDS, "address", ADDED["address"]._replace(numbers=fail))
    with pytest.raises(ValueError, match="'address' of X: no address"):
        net.partial_fit(constant_address(), Y)
    monkeypatch.delitem(KINDS, "address")
    with pytest.raises(ValueError, match=r"'address' of X: add the kind 'address' to"):
        net.partial_fit(constant_address(), Y)
