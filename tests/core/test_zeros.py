from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdnn import DeepNetClassifier
from skdnn.core import zeros
from skdnn.core.codes import Run
from skdnn.core.compiling import compiled, has_numba
from skdnn.core.drafting import Draft
from skdnn.core.zeros import are_sparse, find_runs, shares_of_nonzeros


def spotted_rows(n_rows=300, n_columns=80, seed=0):
    """Return rows with few numbers, the more the further to the right, and two classes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns))
    X[rng.random(X.shape) > np.linspace(0, 0.15, n_columns)] = 0
    return X, (X.sum(axis=1) > 0).astype(int)


def test_shares_are_those_of_the_first_chosen_rows(monkeypatch):
    monkeypatch.setattr(zeros, "FEWEST_COLUMNS", 2)
    monkeypatch.setattr(zeros, "SAMPLE", 4)
    array = np.array([[0.0, 1], [2, 0], [0, -0.0], [0, 3], [5, 5]])
    np.testing.assert_array_equal(
        shares_of_nonzeros(array, np.array([3, 0, 1, 2, 4])), [1 / 4, 1 / 2]
    )
    np.testing.assert_array_equal(shares_of_nonzeros(array, np.array([4])), [1, 1])


def test_rows_of_few_columns_are_not_looked_at():
    array = np.zeros((5, zeros.FEWEST_COLUMNS))
    assert shares_of_nonzeros(array, np.arange(5)).tolist() == [0] * zeros.FEWEST_COLUMNS
    assert shares_of_nonzeros(array[:, 1:], np.arange(5)) is None


def test_columns_are_taken_number_by_number_where_that_saves_a_quarter_of_the_products(
    monkeypatch,
):
    monkeypatch.setattr(zeros, "FEWEST_COLUMNS", 4)
    few, many = 1 / 16, 1 / 4  # of these a number by itself costs 8: half a column, two columns
    assert are_sparse(np.array([few, few, many, many])).tolist() == [True, True, False, False]
    assert not are_sparse(np.array([few, few, many, many, many])).any()
    assert not are_sparse(np.full(4, 1 / 8)).any()
    assert are_sparse(np.zeros(4)).all()
    assert not are_sparse(np.zeros(3)).any()


@given(st.lists(st.booleans()))
def test_runs_are_all_columns_in_turn_and_places_those_of_columns_that_are_not_sparse(flags):
    runs = find_runs(np.array(flags, bool))
    columns = [c for run in runs for c in range(run[Run.START], run[Run.STOP])]
    assert columns == list(range(len(flags)))
    places = []
    for start, stop, place in runs.tolist():
        assert set(flags[start:stop]) == {place < 0}
        places += range(place, place + stop - start) if place >= 0 else []
    assert places == list(range(len(flags) - sum(flags)))


@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize("encoder", ["auto", "passthrough"])
def test_a_fit_takes_columns_that_are_mostly_zero_number_by_number(encoder):
    X, y = spotted_rows()
    nets = []
    finish = Draft.finish

    def look(draft):
        net, size = finish(draft)
        nets.append(net)
        return net, size

    with compiled(True), mock.patch.object(Draft, "finish", look):
        DeepNetClassifier((20,), n_members=1, max_iter=1, encoder=encoder).fit(X, y)
    (net,) = nets
    assert net.n_sparse > 20


def test_the_order_of_rows_and_equal_rows_make_no_difference(monkeypatch):
    monkeypatch.setattr(zeros, "SAMPLE", 20)
    X, y = spotted_rows()
    assert are_sparse(shares_of_nonzeros(X, np.arange(len(X)))).sum() > 20
    options = {"n_members": 2, "max_iter": 3, "random_state": 0, "encoder": "passthrough"}
    net = DeepNetClassifier((20,), **options)
    once = net.fit(X, y, sample_weight=np.r_[np.full(50, 2.0), np.ones(len(X) - 50)])
    expected = once.predict_proba(X)
    order = np.random.default_rng(1).permutation(len(X) + 50)
    X_twice, y_twice = np.r_[X, X[:50]][order], np.r_[y, y[:50]][order]
    np.testing.assert_array_equal(net.fit(X_twice, y_twice).predict_proba(X), expected)
