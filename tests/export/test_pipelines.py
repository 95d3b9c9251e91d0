"""skl2onnx converts pipelines that end in a network."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import DeepNetClassifier
from skdnn.export import register_converter

onnxruntime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")


def pipeline(encoder="auto"):
    net = DeepNetClassifier(n_members=2, max_iter=3, random_state=0, encoder=encoder)
    return make_pipeline(StandardScaler(), net)


def run(model, X):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"X": X})


@pytest.mark.parametrize("names", [[0, 1, 2], ["a", "b", "c"], [False, True, False]], ids=str)
@pytest.mark.parametrize("encoder", ["auto", "passthrough"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_and_probabilities_are_those_of_the_pipeline(names, encoder, dtype):
    register_converter()
    X, y = load_iris(return_X_y=True)
    fitted = pipeline(encoder).fit(X, np.array(names)[y])
    X = X.astype(dtype)
    model = skl2onnx.to_onnx(fitted, X[:1], options={"zipmap": False})
    label, proba = run(model, X)
    np.testing.assert_array_equal(label, fitted.predict(X))
    np.testing.assert_allclose(proba, fitted.predict_proba(X), rtol=0, atol=1e-5)
    # By default, skl2onnx makes a dict of the probabilities of a row.
    _, (of_first_row, *_) = run(skl2onnx.to_onnx(fitted, X[:1]), X)
    assert of_first_row == pytest.approx(dict(zip(fitted.classes_, proba[0], strict=True)))


def test_networks_for_other_rows_or_labels_are_refused():
    register_converter()
    X, y = load_iris(return_X_y=True)
    named = pipeline().set_output(transform="pandas").fit(X, y)
    multilabel = pipeline().fit(X, np.column_stack([y > 0, y > 1]))
    for fitted in (named, multilabel):
        with pytest.raises(ValueError, match=r"make a model of the network alone"):
            skl2onnx.to_onnx(fitted, X[:1].astype(np.float32))
