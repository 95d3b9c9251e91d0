"""
Faces: 40 people, seven pictures of each
========================================

Few pictures, many pixels, and many classes. A network on so little data must not learn by heart;
the defaults of ``DeepNetClassifier`` take care of that: they drop units and inputs at random, and
average several networks, each stopped at its best epoch.
"""

# %%
# The faces of AT&T Laboratories Cambridge ("ORL"), where ``SKDNN_DATA`` has them: 280 for training
# and 120 for testing.
import os

import matplotlib.pyplot as plt
import numpy as np
from example_data import load_pictures

from skdnn import DeepNetClassifier

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests

faces = load_pictures("orl_faces")
net = DeepNetClassifier(max_iter=3 if QUICK else "auto", random_state=0)
net.fit(faces.X_train, faces.y_train)
print(f"Accuracy on {len(faces.y_test)} test pictures: {net.score(faces.X_test, faces.y_test):.3f}")

# %%
# Who is this?
# ------------
proba = net.predict_proba(faces.X_test)
predicted = net.classes_[proba.argmax(axis=1)]
sure = proba.max(axis=1)
wrong = np.flatnonzero(predicted != faces.y_test)[:4]
right = np.flatnonzero(predicted == faces.y_test)
shown = np.concatenate([wrong, right[np.argsort(sure[right])][: 8 - len(wrong)]])
figure, panels = plt.subplots(2, len(shown), figsize=(11, 4), layout="constrained")
for (upper, lower), row in zip(panels.T, shown, strict=True):
    match = np.flatnonzero(faces.y_train == predicted[row])[0]
    upper.imshow(faces.X_test[row].reshape(faces.shape), cmap="gray")
    lower.imshow(faces.X_train[match].reshape(faces.shape), cmap="gray")
    is_right = predicted[row] == faces.y_test[row]
    upper.set_title(
        f"{'right' if is_right else 'wrong'}\n{sure[row]:.0%} sure",
        color="black" if is_right else "darkred",
    )
    for axes in (upper, lower):
        axes.set(xticks=[], yticks=[])
figure.suptitle(f"{len(right)} of {len(predicted)} faces are recognized; some of the hardest")
panels[0, 0].set_ylabel("test picture")
panels[1, 0].set_ylabel("picture of the person\nthat is predicted")
plt.show()
