"""Plot the architecture, loss curves, weights and uncertainty of a network.

Each of the four displays is one line, like scikit-learn's displays. They take a fitted network, or
a pipeline or search that contains one, and optionally the axes to draw on.

The lecture notes say that the units of a first layer detect edges. With few units and a penalty on
the weights, this is visible on the 8 x 8 digits bundled with scikit-learn: positive weights are
red, negative weights are blue, and most units detect a stroke beside an empty area.
"""

from common import plt, quick, save
from matplotlib.ticker import NullFormatter
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdnn import (
    ArchitectureDisplay,
    DeepNetClassifier,
    LossCurveDisplay,
    UncertaintyDisplay,
    WeightsDisplay,
)


def edge_detectors(X, y):
    """Return a network with 16 units, whose weights are kept small and smooth by a penalty."""
    net = DeepNetClassifier(
        (16,),
        "tanh",
        solver="lbfgs",
        alpha=10.0,
        init="normal",
        init_scale=0.03,
        n_members=1,
        max_iter=1000,
        encoder="passthrough",
        random_state=0,
    )
    return net.fit(X / 16, y)


def main():
    """Fit two networks and draw four displays."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    net = DeepNetClassifier((64, 32), max_iter=quick("auto", 4), random_state=0)
    net.fit(X_train, y_train)
    print(net.summary())
    detectors = edge_detectors(X_train, y_train)
    print(f"\nTest accuracy: {net.score(X_test, y_test):.3f}")
    print(f"With 16 units and smooth weights: {detectors.score(X_test / 16, y_test):.3f}")

    figure, axes = plt.subplots(2, 2, figsize=(10.5, 8))
    ArchitectureDisplay.from_estimator(net, ax=axes[0, 0])
    curves = LossCurveDisplay.from_estimator(net, ax=axes[0, 1], name="loss curves")
    curves.ax_.set(yscale="log", yticks=[0.3, 0.5, 1, 2])
    curves.ax_.yaxis.set_major_formatter("{x:g}")
    curves.ax_.yaxis.set_minor_formatter(NullFormatter())
    title = "weights of the units of a first layer"
    WeightsDisplay.from_estimator(detectors, image_shape=(8, 8), ax=axes[1, 0], title=title)
    unsure = UncertaintyDisplay.from_estimator(net, X_test, y_test, ax=axes[1, 1])
    is_unsure = unsure.confidence < 0.8
    print(
        f"{unsure.is_wrong.sum()} of {len(y_test)} test rows are misclassified; of those with a "
        f"confidence below 0.8, {unsure.is_wrong[is_unsure].sum()} of {is_unsure.sum()}."
    )
    save(figure, "08_look_inside")


if __name__ == "__main__":
    main()
