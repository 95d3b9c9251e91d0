"""The table of summary() and the diagram in notebooks, against the arrays of the network."""

import xml.etree.ElementTree as ElementTree
from dataclasses import FrozenInstanceError, replace
from unittest.mock import patch

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import DeepNetClassifier
from skdnn.estimator.diagram import MOST_UNITS, diagram_layout, network_diagram
from skdnn.estimator.summary import MAX_NAMED, WIDTH, _name_of

X, y = load_iris(return_X_y=True, as_frame=True)
SVG = "{http://www.w3.org/2000/svg}"


def fitted(frame=X, **kwargs):
    few = {"hidden_layer_sizes": (9, 4), "activation": ["silu", "tanh"], "max_iter": 4}
    return DeepNetClassifier(**{**few, "n_members": 3, "random_state": 0, **kwargs}).fit(frame, y)


NET = fitted()


def test_the_summary_has_the_shapes_and_counts_of_the_arrays():
    summary = NET.summary()
    shapes = [weights.shape[1:] for weights in NET.coefs_]
    assert [(layer.fan_in, layer.fan_out) for layer in summary.layers] == shapes
    counts = [w[0].size + b[0].size for w, b in zip(NET.coefs_, NET.intercepts_, strict=True)]
    assert [layer.n_parameters for layer in summary.layers] == counts
    assert summary.n_parameters == sum(counts)
    assert [layer.activation for layer in summary.layers] == ["silu", "tanh", "softmax"]
    assert (summary.n_members, summary.n_columns, summary.n_iter) == (3, 4, 4)
    assert summary.n_inputs == NET.encoder_.transform(X).shape[1]


def test_a_summary_is_not_written_to():
    with pytest.raises(FrozenInstanceError):
        NET.summary().n_members = 4


def test_its_text_is_a_table_with_every_layer_and_what_auto_became():
    summary = NET.summary()
    lines = str(summary).splitlines()
    total = 3 * summary.n_parameters
    assert lines[0] == (
        f"DeepNetClassifier: 3 networks of {summary.n_parameters:,} parameters, {total:,} in all"
    )
    assert [line.split("  ")[0] for line in lines[3:6]] == ["hidden 1", "hidden 2", "output"]
    for line, layer in zip(lines[3:6], summary.layers, strict=True):
        assert f"({layer.fan_in}, {layer.fan_out})" in line
        assert line.endswith(f"{layer.n_parameters:,}")
    text = " ".join(" ".join(lines).split())
    for name, value in NET.resolved_params_.items():
        shown = float(f"{value:.3g}") if isinstance(value, float) else value
        assert (f" {name}={shown!r}" in text) == (NET.get_params()[name] == "auto")
    assert " 4 run, best 4; temperature " in text
    with patch("skdnn.core.early_stopping.SHRINKAGE_ROWS", 0):  # best epochs of their own
        long = fitted(max_iter=300, n_iter_no_change=3)
    assert long.best_iter_.min() < long.best_iter_.max()
    assert f" best {long.best_iter_.min()} to {long.best_iter_.max()};" in str(long.summary())
    assert max(map(len, lines)) <= WIDTH
    assert repr(summary) == str(summary)


def test_numbers_are_printed_with_three_digits():
    net = fitted(X.iloc[:, :3])
    text = " ".join(str(net.summary()).split())
    assert " connectivity=0.667," in text
    assert " input_dropout=0.0," in text
    assert net.summary().auto["connectivity"] == 4 / 6


def test_one_network_and_ignored_columns_are_said_as_such():
    frame = X.assign(id=[f"iris {number}" for number in range(150)])
    text = str(fitted(frame, n_members=1).summary())
    assert text.startswith("DeepNetClassifier: 1 network of ")
    assert "ignored: id (unique in every row)" in text
    assert "5 columns ->" in text
    assert " best 4;" in text


def test_logistic_regression_has_one_layer():
    net = DeepNetClassifier((), max_iter=2, encoder=StandardScaler()).fit(X, y)
    (layer,) = net.summary().layers
    assert (layer.name, layer.fan_in, layer.fan_out) == ("output", 4, 3)
    assert "StandardScaler: 4 columns -> 4 inputs" in str(net.summary())


def test_nothing_is_summed_up_before_fit():
    with pytest.raises(NotFittedError):
        DeepNetClassifier().summary()


# In notebooks


def texts_of(svg):
    return ["".join(element.itertext()) for element in svg.iter(f"{SVG}text")]


def test_the_diagram_shows_widths_activations_and_parameter_counts():
    svg = ElementTree.fromstring(network_diagram(NET.summary()))
    texts = texts_of(svg)
    for layer in NET.summary().layers:
        for wanted in (layer.name, f"{layer.fan_out:,}", layer.activation):
            assert wanted in texts
        assert f"{layer.n_parameters:,} parameters" in texts
    assert "4 columns" in texts
    assert f"{NET.summary().n_inputs:,}" in texts


def test_a_unit_is_a_circle_unless_there_are_too_many():
    net = DeepNetClassifier((2, 7, 8), max_iter=2, encoder="passthrough").fit(X, y)
    svg = ElementTree.fromstring(network_diagram(net.summary()))
    places = [float(circle.get("cx")) for circle in svg.iter(f"{SVG}circle")]
    _, counts = np.unique(places, return_counts=True)
    assert counts.tolist() == [4, 2, MOST_UNITS, MOST_UNITS - 1, 3]
    assert texts_of(svg).count("⋮") == 1
    lines = [path.get("d").count("L") for path in svg.iter(f"{SVG}path")]
    assert lines == [4 * 2, 2 * 7, 7 * 6, 6 * 3]


def test_the_columns_of_the_table_are_aligned():
    table = [line for line in str(NET.summary()).splitlines() if "  " in line.strip()]
    layers = NET.summary().layers
    header, *rows = table[: len(layers) + 1]
    for layer, row in zip(layers, rows, strict=True):
        assert row.index(f"({layer.fan_in}, ") == header.index("weights")
        assert row.index(layer.activation) == header.index("activation")
        assert row.rstrip().endswith(f"{layer.n_parameters:,}")
        assert len(row.rstrip()) == len(header.rstrip())


@pytest.mark.parametrize("n_columns", [MAX_NAMED, MAX_NAMED + 1])
def test_many_ignored_columns_are_counted_by_reason_and_few_are_named(n_columns):
    reasons = {f"column_{k}": ("constant", "missing")[k % 2] for k in range(n_columns)}
    text = str(replace(NET.summary(), ignored_columns=reasons))
    assert text.count("column_") == (n_columns if n_columns == MAX_NAMED else 0)
    assert ("26 columns (constant), 25 columns (missing)" in text) == (n_columns > MAX_NAMED)


def test_each_column_read_from_strings_has_a_line_up_to_the_limit():
    forms = {f"column_{k}": "numbers" for k in range(MAX_NAMED + 3)}
    lines = str(replace(NET.summary(), parsed_columns=forms)).splitlines()
    shown = [line for line in lines if line.startswith("read from strings: ")]
    named = [f"read from strings: column_{k} as numbers" for k in range(MAX_NAMED)]
    assert shown == [*named, "read from strings: 3 more columns"]
    few = str(replace(NET.summary(), parsed_columns={"a long name " * 9: "dates"}))
    assert "more columns" not in few
    assert max(map(len, few.splitlines())) <= WIDTH


def test_the_units_of_each_layer_are_drawn_around_the_same_middle():
    net = DeepNetClassifier((2, 7, 8), max_iter=2, encoder="passthrough").fit(X, y)
    columns, _ = diagram_layout(net.summary())
    for column in columns:
        rows = [row for _, row in column.units]
        assert rows == [-row for row in reversed(rows)]
        assert set(np.diff(rows)) <= {1, 2}  # there is room for one unit where some are left out


def test_nothing_is_drawn_outside_of_the_picture():
    for sizes in ((), (3,), (50,) * 6):
        net = DeepNetClassifier(sizes, max_iter=2, n_members=2).fit(X, y)
        svg = ElementTree.fromstring(network_diagram(net.summary()))
        width, height = float(svg.get("width")), float(svg.get("height"))
        for element in svg.iter(f"{SVG}circle"):
            assert 6 <= float(element.get("cx")) <= width - 6
            assert 6 <= float(element.get("cy")) <= height - 6
        for element in svg.iter(f"{SVG}text"):
            half = 3.5 * len("".join(element.itertext()))
            assert half <= float(element.get("x")) <= width - half
            assert 12 <= float(element.get("y")) < height


def test_a_notebook_shows_the_diagram_beside_the_parameters():
    diagram = network_diagram(NET.summary())
    for html in (NET._repr_html_(), NET._repr_mimebundle_()["text/html"]):
        assert diagram in html
        assert "sk-top-container" in html
    assert NET._repr_mimebundle_()["text/plain"] == repr(NET)


def test_the_diagram_needs_a_fit_and_the_configuration_for_diagrams():
    assert "<svg" not in DeepNetClassifier()._repr_html_()
    assert "sk-top-container" in DeepNetClassifier()._repr_html_()
    with sklearn.config_context(display="text"):
        assert not hasattr(NET, "_repr_html_")
        assert NET._repr_mimebundle_() == {"text/plain": repr(NET)}


def test_a_fitted_network_has_its_diagram_inside_pipelines_and_searches_too():
    net = DeepNetClassifier((5,), max_iter=2, n_members=2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), net)
    search = GridSearchCV(clone(pipeline), {"deepnetclassifier__alpha": [0.0]}, cv=2)
    for outer in (pipeline, search):
        assert "<svg" not in outer._repr_html_()
        fitted_step = getattr(outer.fit(X, y), "best_estimator_", outer)[-1]
        html = outer._repr_html_()
        assert "DeepNetClassifier" in html
        if hasattr(BaseEstimator, "_get_params_html"):  # scikit-learn 1.7 and later
            assert html.count(network_diagram(fitted_step.summary())) == 1


def test_the_diagram_is_shown_once_and_gets_smaller_in_a_narrow_window():
    svg = network_diagram(NET.summary())
    assert NET._repr_html_().count(svg) == 1
    assert "max-width:100%" in ElementTree.fromstring(svg).get("style")


class Renamed(DeepNetClassifier):
    """A subclass whose name is not as harmless as names usually are."""


Renamed.__name__ = "<script>alert(1)</script>&"


def test_texts_of_the_diagram_are_escaped():
    net = Renamed(max_iter=2, n_members=1).fit(X, y)
    diagram = network_diagram(net.summary())
    assert "<script" not in diagram
    assert Renamed.__name__ in texts_of(ElementTree.fromstring(diagram))[-1]


def test_the_diagram_needs_nothing_from_elsewhere():
    diagram = network_diagram(NET.summary())
    namespace = 'xmlns="http://www.w3.org/2000/svg"'
    rest = diagram.replace(namespace, "", 1)
    for word in ("http", "href", "url(", "@import", "<style", "<script", "src="):
        assert word not in rest


def test_activations_of_the_users_own_are_shown_by_name():
    def bent(z):
        return np.where(z > 0, z, 0.1 * z)

    names = [_name_of(item) for item in ("relu", bent, (bent, np.sign), StandardScaler())]
    assert names == ["relu", "bent", "bent", "StandardScaler"]
