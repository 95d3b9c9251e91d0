"""
Looking inside a network
========================

How large is the network, how did training go, which columns does it use, and what did the first
layer learn? Each *display* answers one of these questions in one line, like the displays of
scikit-learn. It takes a fitted network, or a pipeline or search with one.
"""

# %%
# A network and its summary
# -------------------------
# ``summary()`` tells layers and sizes, how the columns were encoded, and which values ``"auto"``
# stands for.
import os

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

from skdnn import ArchitectureDisplay, DeepNetClassifier, LossCurveDisplay, WeightsDisplay

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
net = DeepNetClassifier(max_iter=5 if QUICK else "auto", random_state=0).fit(X, y)
print(net.summary())

# %%
# The layers
# ----------
# Of wide layers only some units are drawn. Notebooks show this diagram beside the parameters of a
# fitted network.
ArchitectureDisplay.from_estimator(net)
plt.show()

# %%
# How training went
# -----------------
# Lines are means over the members of the ensemble, bands hold the middle half of them, and the
# points are the epochs whose parameters they kept (early stopping). The validation losses differ
# more than the training losses: each member is validated on a few rows of its own, and some of
# these are more difficult than others. Long before the points the validation loss hardly falls any
# more: more epochs would not help.
LossCurveDisplay.from_estimator(net)
plt.show()

# %%
# Which columns the first layer uses
# ----------------------------------
# The default encoder makes several inputs of each column: its value, and its position between bin
# edges. The heat map adds up their squared weights, so that it has a row for each column of the
# table, the one with the largest weights first. Units have connections to some of the columns only
# (``connectivity``); white is no connection.
WeightsDisplay.from_estimator(net, n_units=30)
plt.show()

# %%
# What the units look for
# -----------------------
# Where the columns are the pixels of a picture, the weights of each unit are a picture as well. A
# penalty (``alpha``) keeps weights small that the network does not need. Most of the 16 units look
# for a stroke (orange) beside an empty area (blue).
images, digits = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    images / 16, digits, stratify=digits, random_state=0
)
detectors = DeepNetClassifier(
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
detectors.fit(X_train, y_train)
print(f"accuracy on test rows, with 16 units: {detectors.score(X_test, y_test):.1%}")
WeightsDisplay.from_estimator(detectors, image_shape=(8, 8), title="weights of 16 units")
plt.show()
