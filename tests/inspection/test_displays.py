"""Displays: what their lines, images and texts hold, against the fitted arrays; no pixels."""

import builtins
import dataclasses
from unittest.mock import patch

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, make_multilabel_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import (
    ArchitectureDisplay,
    DeepNetClassifier,
    ImportanceDisplay,
    LossCurveDisplay,
    TableEncoder,
    UncertaintyDisplay,
    WaterfallDisplay,
    WeightsDisplay,
    integrated_gradients,
)
from skdnn.inspection.display import shortened
from skdnn.inspection.weights_display import mosaic

mpl.use("Agg")
import matplotlib.pyplot as plt

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_DIGITS, DIGITS = load_digits(return_X_y=True)


def fitted(rows=X, labels=y, **kwargs):
    few = {"hidden_layer_sizes": (9, 5), "max_iter": 30, "n_members": 3, "random_state": 0}
    return DeepNetClassifier(**{**few, **kwargs}).fit(rows, labels)


with patch("skdnn.core.early_stopping.SHRINKAGE_ROWS", 0):  # members stop at epochs of their own
    NET = fitted(n_iter_no_change=3, max_iter=120)
DRAW = {
    ArchitectureDisplay: ArchitectureDisplay.from_estimator,
    ImportanceDisplay: lambda net, **kwargs: ImportanceDisplay.from_estimator(net, X, **kwargs),
    LossCurveDisplay: LossCurveDisplay.from_estimator,
    UncertaintyDisplay: lambda net, **kwargs: UncertaintyDisplay.from_estimator(net, X, **kwargs),
    WaterfallDisplay: lambda net, **kwargs: WaterfallDisplay.from_estimator(net, X, **kwargs),
    WeightsDisplay: WeightsDisplay.from_estimator,
}
every_display = pytest.mark.parametrize("display", DRAW, ids=lambda display: display.__name__)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def tick_labels(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


# The interface


@every_display
def test_it_draws_into_a_new_figure_or_where_it_is_told_to(display):
    drawn = DRAW[display](NET)
    assert drawn.ax_ in drawn.figure_.axes
    _, ax = plt.subplots()
    assert DRAW[display](NET, ax=ax).ax_ is ax
    _, other = plt.subplots()
    assert drawn.plot(ax=other) is drawn
    assert (drawn.ax_, drawn.figure_) == (other, other.figure)
    assert other.get_title()
    other.figure.draw_without_rendering()


@every_display
def test_it_takes_a_pipeline_and_a_search(display):
    step = DeepNetClassifier((4,), max_iter=3, n_members=2, encoder="passthrough")
    pipeline = make_pipeline(StandardScaler(), step).fit(X, y)
    search = GridSearchCV(pipeline, {"deepnetclassifier__alpha": [0.0]}, cv=2).fit(X, y)
    assert isinstance(DRAW[display](pipeline), display)
    assert isinstance(DRAW[display](search), display)


@every_display
def test_it_refuses_what_is_not_a_fitted_network(display):
    with pytest.raises(NotFittedError):
        DRAW[display](DeepNetClassifier())
    with pytest.raises(TypeError, match="got StandardScaler"):
        DRAW[display](StandardScaler().fit(X))


@every_display
def test_without_matplotlib_the_error_names_the_extra(display, monkeypatch):
    real_import = builtins.__import__

    def without_matplotlib(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match=rf"{display.__name__} draws .*skdnn\[plot\]"):
        DRAW[display](NET)


# Loss curves


def test_loss_curves_are_those_of_the_network():
    drawn = LossCurveDisplay.from_estimator(NET)
    curves = {"training": NET.loss_curve_, "validation": NET.validation_loss_curve_}
    for name, curve in curves.items():
        epochs, losses = drawn.lines_[name].get_data()
        np.testing.assert_array_equal(epochs, np.arange(1, NET.n_iter_ + 1))
        np.testing.assert_allclose(losses, curve)
    legend = [text.get_text() for text in drawn.ax_.get_legend().get_texts()]
    assert legend == [
        "training",
        "validation",
        "best epoch of a member",
        "middle half of the members",
    ]
    assert drawn.ax_.get_title() == "DeepNetClassifier"


def edges_of(band, epoch):
    """Return the lowest and the highest point of a band at an epoch."""
    corners = band.get_paths()[0].vertices
    at_epoch = corners[corners[:, 0] == epoch, 1]
    return at_epoch.min(), at_epoch.max()


def test_the_band_lies_between_quantiles_of_the_members_still_training():
    drawn = LossCurveDisplay.from_estimator(NET)
    members = {
        "training": NET.member_loss_curves_,
        "validation": NET.member_validation_loss_curves_,
    }
    assert np.isnan(members["training"]).any()  # some member has stopped before the last epoch
    for name, curves in members.items():
        for epoch in range(1, NET.n_iter_ + 1):
            known = curves[:, epoch - 1][np.isfinite(curves[:, epoch - 1])]
            edges = edges_of(drawn.bands_[name], epoch)
            np.testing.assert_allclose(edges, np.quantile(known, [0.25, 0.75]))


def test_one_member_of_many_does_not_widen_the_band():
    losses = np.tile(np.linspace(1, 0.5, 20), (21, 1)) + np.linspace(0, 0.1, 21)[:, None]
    losses[7] = 50.0
    drawn = LossCurveDisplay(train_losses=losses).plot()
    for epoch in (1, 20):
        low, high = edges_of(drawn.bands_["training"], epoch)
        assert high - low == pytest.approx(0.08 - 0.025)  # the sixth and the sixteenth of 21


def test_the_band_leaves_out_epochs_without_a_known_loss():
    losses = np.array([[3.0, np.nan, 1.5, 1.0], [3.5, np.inf, np.nan, 1.2]])
    drawn = LossCurveDisplay(train_losses=losses).plot()
    epochs = {x for path in drawn.bands_["training"].get_paths() for x in path.vertices[:, 0]}
    assert epochs == {1, 3, 4}


def test_the_points_are_the_epochs_that_were_kept():
    drawn = LossCurveDisplay.from_estimator(NET)
    epochs, losses = drawn.best_.get_data()
    np.testing.assert_array_equal(epochs, NET.best_iter_)
    lowest = np.nanmin(NET.member_validation_loss_curves_, axis=1)
    np.testing.assert_allclose(losses, lowest, atol=NET.tol)


def test_one_member_has_no_band_and_no_validation_no_second_line():
    one = LossCurveDisplay.from_estimator(fitted(n_members=1, max_iter=3), name="one")
    assert (one.bands_, one.ax_.get_title()) == ({}, "one")
    assert not any("middle" in text.get_text() for text in one.ax_.get_legend().get_texts())
    assert len(one.best_.get_xdata()) == 1
    plain = LossCurveDisplay.from_estimator(fitted(early_stopping=False, max_iter=3))
    assert list(plain.lines_) == ["training"]
    assert plain.best_ is None


def test_curves_of_ones_own_need_no_epochs_that_were_kept():
    losses = np.array([[3.0, 2.0, 1.5], [3.0, 2.5, np.nan]])
    drawn = LossCurveDisplay(train_losses=losses, validation_losses=losses + 1).plot()
    np.testing.assert_allclose(drawn.lines_["validation"].get_ydata(), [4, 3.25, 2.5])
    assert drawn.best_ is None


# Weights


def test_images_are_the_weights_of_each_unit():
    net = fitted(X_DIGITS / 16, DIGITS, encoder="passthrough")
    drawn = WeightsDisplay.from_estimator(net, member=2, image_shape=(8, 8))
    shown = drawn.image_.get_array().filled(np.nan)
    assert shown.shape == (3 * 9 + 1, 3 * 9 + 1)
    for unit in range(9):
        top, left = 9 * (unit // 3) + 1, 9 * (unit % 3) + 1
        expected = net.coefs_[0][2][:, unit].reshape(8, 8)
        np.testing.assert_array_equal(shown[top : top + 8, left : left + 8], expected)
    assert np.isnan(shown[::9]).all()
    assert np.isnan(shown[:, ::9]).all()
    limit = np.abs(net.coefs_[0][2]).max()
    np.testing.assert_allclose(drawn.image_.get_clim(), [-limit, limit])


def test_a_pixel_has_the_sum_of_the_weights_of_its_inputs_and_0_where_it_is_ignored():
    net = fitted(X_DIGITS, DIGITS, encoder=TableEncoder(n_bins=3), max_iter=2)
    drawn = WeightsDisplay.from_estimator(net, image_shape=(8, 8))
    names = net.encoder_.get_feature_names_out()
    for pixel in (0, 20):  # the corner is always white
        rows = [row for row, name in enumerate(names) if name.split("_")[0] == f"x{pixel}"]
        expected = net.coefs_[0][0][rows].sum(axis=0)
        np.testing.assert_allclose(drawn.weights[pixel], expected, rtol=1e-5)
    assert "x0" in net.encoder_.ignored_columns_


def test_images_that_do_not_fill_a_square_leave_room():
    weights = np.arange(2 * 6 * 3, dtype=float).reshape(6, 6)[:, :5]
    shown = mosaic(weights, (2, 3))
    assert shown.shape == (3 * 3 + 1, 2 * 4 + 1)
    np.testing.assert_array_equal(shown[7:9, 1:4], weights[:, 4].reshape(2, 3))
    assert np.isnan(shown[7:9, 5:8]).all()


@pytest.mark.parametrize("image_shape", [(100, 10), (10, 100), (5, 5), (1, 30), (30, 1)])
@pytest.mark.parametrize("n_units", [1, 2, 3, 5, 10])
def test_a_frame_of_images_has_no_empty_row_or_column(n_units, image_shape):
    height, width = image_shape
    shown = mosaic(np.ones((height * width, n_units)), image_shape)
    is_image = ~np.isnan(shown)
    assert is_image.sum() == n_units * height * width
    assert is_image.any(axis=0)[1:-1].sum() == (shown.shape[1] - 1) * width // (width + 1)
    assert is_image.any(axis=1)[1:-1].sum() == (shown.shape[0] - 1) * height // (height + 1)


def test_a_heat_map_shows_any_layer():
    for layer in (1, 2, -1):
        drawn = WeightsDisplay.from_estimator(NET, layer=layer, member=1)
        np.testing.assert_array_equal(drawn.image_.get_array(), NET.coefs_[layer][1])
        assert drawn.ax_.get_title() == f"weights of {NET.summary().layers[layer].name}"
        assert drawn.ax_.get_ylabel() == f"unit of {NET.summary().layers[layer - 1].name}"
        assert tick_labels(drawn) == [str(number) for number in range(NET.coefs_[layer].shape[1])]


def test_a_heat_map_of_few_inputs_names_them_in_their_order():
    net = fitted(X.iloc[:, :4], encoder=TableEncoder(n_bins=0), n_members=1)
    drawn = WeightsDisplay.from_estimator(net)
    np.testing.assert_array_equal(drawn.image_.get_array(), net.coefs_[0])
    assert tick_labels(drawn) == net.encoder_.get_feature_names_out().tolist()


def sizes_by_column(net, member):
    """Return the norms of the weights of each column of X, from the names of the inputs."""
    names = net.encoder_.get_feature_names_out()
    assert not any(name.startswith(f"{other} ") for name in X for other in X)
    of_column = [
        [name.startswith(f"{column}_") or name == column for name in names] for column in X
    ]
    assert np.sum(of_column) == len(names)
    return np.array([np.linalg.norm(net.coefs_[0][member][rows], axis=0) for rows in of_column])


def test_inputs_made_of_a_column_are_a_row_of_the_heat_map_and_the_largest_are_named():
    sizes = sizes_by_column(NET, 1)
    drawn = WeightsDisplay.from_estimator(NET, member=1)
    order = np.argsort(-np.linalg.norm(sizes, axis=1))[:20]
    np.testing.assert_allclose(drawn.image_.get_array(), sizes[order], rtol=1e-5)
    assert tick_labels(drawn) == X.columns[order].tolist()
    assert drawn.ax_.get_ylabel() == "column (20 of 30)"
    assert drawn.ax_.get_xlabel() == "unit"
    limit = sizes.max()
    assert drawn.colorbar_.ax.get_ylim() == pytest.approx((0, limit))


def test_columns_of_a_heat_map_have_the_names_that_a_pipeline_gives_them():
    step = DeepNetClassifier((4,), max_iter=2, n_members=2, random_state=0)
    drawn = WeightsDisplay.from_estimator(make_pipeline(StandardScaler(), step).fit(X, y))
    assert len(tick_labels(drawn)) == 20
    assert set(tick_labels(drawn)) < set(X.columns)


def test_a_heat_map_of_many_units_shows_those_with_the_largest_weights():
    net = fitted(X, hidden_layer_sizes=(50, 60), encoder="passthrough", max_iter=2, n_members=1)
    drawn = WeightsDisplay.from_estimator(net)
    rows = np.argsort(-np.linalg.norm(net.coefs_[0], axis=1))[:20]
    units = np.sort(np.argsort(-np.linalg.norm(net.coefs_[0], axis=0))[:40])
    np.testing.assert_array_equal(drawn.image_.get_array(), net.coefs_[0][np.ix_(rows, units)])
    assert drawn.units.tolist() == units.tolist()
    assert drawn.ax_.get_ylabel() == "input (20 of 30)"
    assert drawn.ax_.get_xlabel() == "unit (40 of 50)"
    every = WeightsDisplay.from_estimator(net, n_units=50)
    assert every.units.tolist() == list(range(50))
    hidden = WeightsDisplay.from_estimator(net, layer=1)
    assert hidden.weights.shape == (20, 40)
    assert hidden.ax_.get_ylabel() == "unit of hidden 1 (20 of 50)"


def test_weights_of_ones_own_are_shown_as_they_are():
    drawn = WeightsDisplay(weights=NET.coefs_[0][0], units=np.arange(9)).plot()
    np.testing.assert_array_equal(drawn.image_.get_array(), NET.coefs_[0][0])


def test_the_ends_of_the_color_bar_are_colors_and_its_middle_is_white():
    drawn = WeightsDisplay.from_estimator(NET, layer=1)
    low, middle, high = drawn.image_.get_cmap()([0.0, 0.5, 1.0])[:, :3]
    assert middle.min() > 0.97
    for end in (low, high):
        assert end.max() - end.min() > 0.3
    again = drawn.plot(cmap="RdBu_r").image_.get_cmap()
    np.testing.assert_array_equal(again([0.0, 1.0]), mpl.colormaps["RdBu_r"]([0.0, 1.0]))


def test_only_the_largest_units_are_shown_under_their_own_numbers():
    drawn = WeightsDisplay.from_estimator(NET, layer=1, n_units=2)
    norms = np.linalg.norm(NET.coefs_[1][0], axis=0)
    assert drawn.units.tolist() == sorted(norms.argsort()[-2:].tolist())
    np.testing.assert_array_equal(drawn.weights, NET.coefs_[1][0][:, drawn.units])
    drawn.figure_.draw_without_rendering()
    labels = {label.get_text() for label in drawn.ax_.get_xticklabels()} - {""}
    assert labels == {str(unit) for unit in drawn.units}


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"layer": 3}, "layer=3 does not exist: there are 3, counted from 0"),
        ({"member": -4}, "member=-4 does not exist: there are 3"),
        ({"layer": 1, "image_shape": (3, 3)}, "image_shape is for the first layer"),
        ({"layer": 1.0}, "layer=1.0 does not exist"),
        ({"image_shape": (8, 8)}, r"image_shape=\(8, 8\) must be .* of images of 30 pixels"),
        ({"image_shape": (-5, -6)}, "two positive integers"),
        ({"image_shape": (5.0, 6.0)}, "two positive integers"),
        ({"image_shape": 30}, "image_shape=30 must be two positive integers"),
        ({"n_units": 0}, "n_units must be None or an integer > 0, got 0"),
        ({"n_units": 1.5}, "n_units must be None or an integer > 0, got 1.5"),
    ],
    ids=str,
)
def test_weights_that_do_not_exist_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        WeightsDisplay.from_estimator(NET, **kwargs)


# Architecture


def test_the_drawing_says_what_the_summary_says():
    drawn = ArchitectureDisplay.from_estimator(NET)
    summary = NET.summary()
    texts = [text.get_text() for text in drawn.texts_]
    assert texts[0] == f"inputs\n{summary.n_inputs}\n30 columns"
    for layer, above, below in zip(summary.layers, texts[2::2], texts[3::2], strict=True):
        assert above == f"{layer.name}\n{layer.fan_out}\n{layer.activation}"
        assert below == f"{layer.n_parameters:,}\nparameters"
    assert drawn.ax_.get_title() == str(summary).splitlines()[0]


def test_units_are_circles_and_every_two_of_them_are_connected():
    drawn = ArchitectureDisplay.from_estimator(NET)
    counts = [len(units.get_offsets()) for units in drawn.units_]
    assert counts == [6, 6, 5, 1]  # of many there are six, with a gap in the middle
    lines = [len(lines.get_segments()) for lines in drawn.connections_]
    assert lines == [36, 30, 5]
    ends = {tuple(end) for end in np.concatenate(drawn.connections_[1].get_segments())}
    circles = np.concatenate([drawn.units_[1].get_offsets(), drawn.units_[2].get_offsets()])
    assert ends == set(map(tuple, circles.tolist()))


def test_a_gap_is_drawn_only_where_units_are_left_out():
    texts = ArchitectureDisplay.from_estimator(NET).ax_.texts
    gaps = [text.get_position()[0] for text in texts if text.get_text() == "⋮"]
    assert gaps == [0, 1]  # among the inputs and the 9 units of the first layer, not 5 and 1


# Uncertainty


def test_points_are_confidence_and_spread_of_the_predicted_class():
    drawn = UncertaintyDisplay.from_estimator(NET, X, y)
    predicted = NET.predict(X)
    of_predicted = NET.predict_proba_members(X)[:, np.arange(len(X)), predicted]
    for name, rows in (("right", predicted == y), ("wrong", predicted != y)):
        confidence, spread = drawn.points_[name].get_data()
        np.testing.assert_allclose(confidence, NET.predict_proba(X).max(axis=1)[rows])
        np.testing.assert_allclose(spread, of_predicted[:, rows].std(axis=0))
        assert drawn.points_[name].get_label() == f"{name} ({rows.sum()})"


def test_no_row_is_above_the_limit():
    drawn = UncertaintyDisplay.from_estimator(NET, X)
    assert list(drawn.points_) == ["rows"]
    confidence, limit = drawn.limit_.get_data()
    largest = np.sqrt(drawn.confidence * (1 - drawn.confidence))
    assert (drawn.spread <= largest + 1e-12).all()
    np.testing.assert_allclose(limit, np.sqrt(confidence * (1 - confidence)))


def test_labels_may_be_texts():
    names = np.where(y == 1, "benign", "malignant")
    net = fitted(labels=names, max_iter=5)
    drawn = UncertaintyDisplay.from_estimator(net, X, names)
    assert drawn.is_wrong.mean() < 0.2
    of_pandas = names.astype(object), pd.Categorical(names), pd.Series(names, dtype="string")
    for labels in of_pandas:
        found = UncertaintyDisplay.from_estimator(net, X, labels)
        np.testing.assert_array_equal(found.is_wrong, drawn.is_wrong)


def test_labels_must_be_one_for_each_row():
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[569, 5\]"):
        UncertaintyDisplay.from_estimator(NET, X, y[:5])
    with pytest.raises(ValueError, match=r"1d array, got an array of shape \(569, 2\)"):
        UncertaintyDisplay.from_estimator(NET, X, np.c_[y, y])


def test_one_member_and_several_labels_have_no_spread():
    with pytest.raises(ValueError, match="has 1: fit with n_members=2 or more"):
        UncertaintyDisplay.from_estimator(fitted(n_members=1, max_iter=2), X)
    rows, labels = make_multilabel_classification(60, random_state=0)
    with pytest.raises(ValueError, match=r"several labels a row\. Plot one of them"):
        UncertaintyDisplay.from_estimator(fitted(rows, labels, max_iter=2), rows)


# Attributions

ATTRIBUTIONS = integrated_gradients(NET, X.set_axis([f"patient {n}" for n in range(len(X))]))


def labels_of(display):
    """Return the labels of the columns in the order of the table."""
    display = display.plot()
    names = [shortened(name) for name in display.attributions.feature_names]
    labels = [label for label in tick_labels(display)[1:-1] if "other columns" not in label]
    return sorted(labels, key=lambda label: names.index(label.split(" = ")[0]))


def ends_of(bars):
    """Return where horizontal bars begin and end; the second may be the smaller one."""
    return np.array([(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]).T


def test_a_waterfall_leads_from_the_baseline_to_the_row_over_the_largest_attributions():
    drawn = WaterfallDisplay(attributions=ATTRIBUTIONS, row=5).plot()
    values, order = ATTRIBUTIONS.values[5], np.argsort(-np.abs(ATTRIBUTIONS.values[5]))
    parts = [*values[order[:10]], values[order[10:]].sum()]
    starts, ends = ends_of(drawn.bars_)
    np.testing.assert_allclose(ends - starts, parts)
    np.testing.assert_allclose(starts[1:], ends[:-1])
    assert starts[0] == ATTRIBUTIONS.baseline_log_odds[5]
    np.testing.assert_allclose(ends[-1], ATTRIBUTIONS.log_odds[5] + ATTRIBUTIONS.residual[5])
    colors = [mpl.colors.to_hex(bar.get_facecolor()).upper() for bar in drawn.bars_]
    assert colors == ["#D55E00" if part > 0 else "#0072B2" for part in parts]
    beside = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in drawn.ax_.texts]
    assert beside == [f"{part:+.2f}" for part in parts]


def test_its_labels_are_columns_with_values_and_both_ends_with_probabilities():
    drawn = WaterfallDisplay(attributions=ATTRIBUTIONS, row=5).plot()
    first, *columns, others, last = tick_labels(drawn)
    order = np.argsort(-np.abs(ATTRIBUTIONS.values[5]))[:10]
    assert columns == [f"{X.columns[k]} = {X.iloc[5, k]:.4g}" for k in order]
    assert others == "20 other columns"
    probability = NET.predict_proba(X.iloc[[5]])[0, 1]
    odds = f"{ATTRIBUTIONS.log_odds[5]:.2f}".replace("-", "\N{MINUS SIGN}")
    assert last == f"this row: {odds} ({probability:.1%})"
    assert first.startswith("baseline: ")
    assert drawn.ax_.get_title() == "class 1, index patient 5"
    again = WaterfallDisplay.from_estimator(NET, X.iloc[[5]], target=0)
    assert again.ax_.get_title() == "class 0, index 5"
    pair = again.attributions.values[0], -ATTRIBUTIONS.values[5]
    np.testing.assert_allclose(*pair, atol=1e-10)


MIXED = pd.DataFrame(
    {
        "day": pd.to_datetime(["2024-02-29 00:00", None, "2024-03-01 12:30"] * 8),
        "city $ and country $": ["a city with a very long name\nof two lines", "Ulm", "Rome"] * 8,
        "income": [54321.6, np.nan, -1.5] * 8,
        "a long name of a column, of which the end matters: height": [1, 2, 3] * 8,
    }
)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_values_in_labels_are_short_for_any_kind_of_column(library):
    frame = MIXED if library == "pandas" else pl.from_pandas(MIXED)
    net = fitted(frame, ["a", "b", "c"] * 8, max_iter=3, early_stopping=False)
    found = integrated_gradients(net, frame)
    labels = [labels_of(WaterfallDisplay(attributions=found, row=row)) for row in range(3)]
    assert list(zip(*labels, strict=True)) == [
        ("day = 2024-02-29", "day = missing", "day = 2024-03-01 12:30:00"),
        (
            "city $ and country $ = a city wi…two lines",
            "city $ and country $ = Ulm",
            "city $ and country $ = Rome",
        ),
        ("income = 54,322", "income = missing", "income = -1.5"),
        tuple(f"a long name o…tters: height = {number}" for number in (1, 2, 3)),
    ]
    assert all(len(label) <= 28 + 3 + 19 for row in labels for label in row)


@pytest.mark.parametrize("display", [WaterfallDisplay, ImportanceDisplay])
def test_all_columns_have_bars_if_only_one_would_be_left_over(display):
    some = X.iloc[:, :4]
    found = integrated_gradients(fitted(some, max_iter=2), some)
    counts = [len(tick_labels(display(attributions=found, max_columns=n).plot())) for n in (3, 2)]
    assert counts == ([6, 5] if display is WaterfallDisplay else [4, 3])
    shown = display(attributions=found, max_columns=2).plot()
    assert [label for label in tick_labels(shown) if "other" in label] == ["2 other columns"]


def test_without_columns_of_x_and_in_an_array_labels_are_what_is_known():
    net = fitted(encoder=StandardScaler(), max_iter=2)
    drawn = WaterfallDisplay.from_estimator(net, X.head(2), max_columns=30)
    assert labels_of(drawn) == X.columns.tolist()
    net = fitted(X_DIGITS, DIGITS, max_iter=2)
    drawn = WaterfallDisplay.from_estimator(net, X_DIGITS[:2], row=-1, max_columns=64)
    assert labels_of(drawn) == [f"x{n} = {value:.4g}" for n, value in enumerate(X_DIGITS[1])]
    assert drawn.ax_.get_title().endswith(", row -1")  # an array has no index


def test_importance_is_the_mean_attribution_in_parts_that_raise_and_lower():
    drawn = ImportanceDisplay(attributions=ATTRIBUTIONS).plot()
    importance = ATTRIBUTIONS.importance().sort_values(ascending=False)
    starts, ends = ends_of(drawn.bars_["raises"])
    np.testing.assert_allclose(starts, 0)
    raised = np.maximum(ATTRIBUTIONS.to_frame()[importance.index[:10]], 0).mean()
    np.testing.assert_allclose(ends, raised)
    from_raised, ends = ends_of(drawn.bars_["lowers"])
    np.testing.assert_allclose(from_raised, raised)
    np.testing.assert_allclose(ends, importance.iloc[:10])
    assert tick_labels(drawn) == [*importance.index[:10], "20 other columns"]
    others = importance.iloc[10:].sum()
    shown = [*(f"{size:.2f}" for size in importance.iloc[:10]), f" {others:.2f} in all"]
    assert [text.get_text() for text in drawn.ax_.texts] == shown
    assert drawn.ax_.get_title() == "feature importance, 569 rows"
    legend = [text.get_text() for text in drawn.ax_.get_legend().get_texts()]
    assert legend == [f"{verb} the log-odds of class 1" for verb in ("raises", "lowers")]
    one = ImportanceDisplay.from_estimator(NET, X.head(1), target=1)
    assert one.ax_.get_title() == "feature importance, 1 row"
    np.testing.assert_allclose(one.attributions.values, ATTRIBUTIONS.values[:1], rtol=1e-10)


@pytest.mark.parametrize(
    ("factor", "shown"),
    [
        (1, ["0.40", "0.25", "0.00"]),
        (30, ["12.00", "7.50", "0.12"]),
        (0.1, ["0.040", "0.025", "0.000"]),
        (0, ["0.00", "0.00", "0.00"]),
    ],
)
def test_importances_have_equally_many_decimals_and_the_largest_two_digits(factor, shown):
    values = factor * np.array([[0.4, -0.25, 0.004]])
    found = dataclasses.replace(ATTRIBUTIONS, values=values, feature_names=np.array(list("abc")))
    drawn = ImportanceDisplay(attributions=found).plot()
    assert [text.get_text() for text in drawn.ax_.texts] == shown


def test_the_legend_of_importances_of_several_classes_says_whose_log_odds_are_meant():
    drawn = ImportanceDisplay.from_estimator(fitted(X_DIGITS, DIGITS, max_iter=2), X_DIGITS[:30])
    legend = [text.get_text() for text in drawn.ax_.get_legend().get_texts()]
    assert legend == [f"{verb} the log-odds of each row's class" for verb in ("raises", "lowers")]


@pytest.mark.parametrize("display", [WaterfallDisplay, ImportanceDisplay])
@pytest.mark.parametrize("n_columns", [1, 4, 30])
def test_nothing_is_cut_off_and_no_number_lies_on_the_labels(display, n_columns):
    frame = X.iloc[:, :n_columns].rename(columns=lambda name: f"{name} in all the images")
    found = integrated_gradients(fitted(frame, max_iter=9), frame)
    for row in (int(found.log_odds.argmin()), int(found.log_odds.argmax())):
        options = {"row": row} if display is WaterfallDisplay else {}
        drawn = display(attributions=found, **options).plot()
        drawn.figure_.draw_without_rendering()
        axes, page = drawn.ax_.get_window_extent(), drawn.figure_.bbox
        assert axes.width > page.width / 3
        for text in (*drawn.ax_.get_yticklabels(), drawn.ax_.title, drawn.ax_.xaxis.label):
            box = text.get_window_extent()
            assert page.x0 <= box.x0 <= box.x1 <= page.x1
            assert page.y0 <= box.y0 <= box.y1 <= page.y1
        for text in drawn.ax_.texts:
            box = text.get_window_extent()
            assert axes.x0 <= box.x0 <= box.x1 <= axes.x1
