"""What a new user may do in the first hour: errors and warnings have the line that mends it."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdnn import DeepNetClassifier, TableEncoder

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(60, 2)), columns=["a", "b"])
Y = pd.Series((X["a"] > 0).astype(int))
ORDER = RNG.permutation(60)
NAMED = [f"row{n}" for n in range(60)]


def quick(**params):
    return DeepNetClassifier(n_members=2, max_iter=2, random_state=0, **params)


@pytest.mark.parametrize("index", [range(60), NAMED, pd.date_range("2024-01-01", periods=60)])
def test_labels_with_the_index_of_x_in_another_order_get_a_warning(index):
    frame, labels = X.set_axis(index), Y.set_axis(index)
    with pytest.warns(UserWarning, match=r"y has the index of X .*y\.loc\[X\.index\]") as caught:
        quick().fit(frame, labels.iloc[ORDER])
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(UserWarning, match=r"y has the index of X"):
        quick().fit(frame.iloc[ORDER], labels.to_frame("y")["y"])
    with pytest.warns(UserWarning, match="sample_weight has the index of X"):
        quick().fit(frame, labels, sample_weight=(labels + 1.0).iloc[ORDER])
    with pytest.warns(UserWarning, match=r"y_val has the index of X_val .*y_val\.loc\[X_val"):
        quick().fit(frame, labels, X_val=frame, y_val=labels.iloc[ORDER])
    # The lines that the warning suggests give none.
    shuffled = labels.iloc[ORDER]
    mended = quick().fit(frame, shuffled.loc[frame.index]).predict_proba(frame)
    np.testing.assert_array_equal(mended, quick().fit(frame, labels).predict_proba(frame))
    quick().fit(frame, shuffled.to_numpy())


def test_labels_with_the_same_or_unrelated_indexes_get_no_warning():
    others = (Y, Y.set_axis(NAMED), Y.set_axis(Y.index + 5), Y.set_axis([0] * 60), list(Y))
    pairs = [*((X, labels) for labels in others), (X.iloc[ORDER], Y.iloc[ORDER])]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for rows, labels in (*pairs, (X.to_numpy(), Y.iloc[ORDER])):
            quick().fit(rows, labels)
    assert [str(each.message) for each in caught if "index" in str(each.message)] == []


@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV])
@pytest.mark.parametrize("encoder", ["auto", "passthrough"])
def test_parameters_of_an_encoder_need_an_encoder_object(search, encoder):
    grid = {"encoder__n_bins": [3, 4]}
    options = {"n_iter": 2} if search is RandomizedSearchCV else {}
    message = r"encoder__n_bins .*encoder='(auto|passthrough)'.*encoder=TableEncoder\(\)"
    with pytest.raises(ValueError, match=message):
        search(quick(encoder=encoder), grid, cv=2, **options).fit(X, Y)
    pipeline = make_pipeline(FunctionTransformer(), quick(encoder=encoder))
    with pytest.raises(ValueError, match=message):
        pipeline.set_params(deepnetclassifier__encoder__n_bins=3)
    found = search(quick(encoder=TableEncoder()), grid, cv=2, **options).fit(X, Y)
    assert found.best_estimator_.encoder_.n_bins in (3, 4)
    both = quick().set_params(encoder__n_bins=3, encoder=TableEncoder())
    assert both.encoder.n_bins == 3


@pytest.mark.parametrize(
    ("spelling", "named"),
    [(["no", "yes", "Yes"], "'yes'"), (["a", "b", "b "], "'b '"), (["x y", "z", "xy"], "'xy'")],
)
def test_classes_that_differ_in_spelling_only_are_named(spelling, named):
    labels = np.array(spelling)[np.arange(60) % 3]
    for y in (labels, labels.tolist(), pd.Series(labels), pd.Categorical(labels)):
        with pytest.warns(UserWarning, match=f"{named}.*differ in case and blanks"):
            quick().fit(X, y)
    quick().fit(X, pd.Series(labels).str.replace(" ", "").str.lower())
