"""Data of the examples that scikit-learn does not bundle, or stand-ins for them.

The environment variable SKDNN_DATA names a folder with ``<name>.npz`` (arrays X_train, y_train,
X_test, y_test of flattened pictures of 0 to 255, and image_shape) and ``<name>.parquet`` (the class
in the column ``target``). With ``SKDNN_DATA=download``, data that scikit-learn can download are
downloaded. Otherwise, a line says which stand-in is used.
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.datasets import fetch_olivetti_faces, fetch_openml, load_digits
from sklearn.model_selection import train_test_split

SOURCE = os.environ.get("SKDNN_DATA")


class Pictures(NamedTuple):
    """Rows of pixels between 0 and 1, their labels, and the shape of a picture."""

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray
    shape: tuple


def load_pictures(name):
    """Return the Pictures called ``name``, or their stand-in."""
    path = find(f"{name}.npz")
    if path:
        with np.load(path) as file:
            X_train, X_test = (file[part] / np.float32(255) for part in ("X_train", "X_test"))
            return Pictures(
                X_train, X_test, file["y_train"], file["y_test"], tuple(file["image_shape"])
            )
    if SOURCE == "download" and name in DOWNLOADS:
        return DOWNLOADS[name]()
    what, make = STAND_INS[name]
    print(f"SKDNN_DATA has no {name}.npz: {what} are used instead.")
    return make()


def load_table(name):
    """Return the DataFrame called ``name`` and its classes, or their stand-in."""
    path = find(f"{name}.parquet")
    if path:
        frame = pd.read_parquet(path)
        return frame.drop(columns="target"), frame["target"]
    what, make = STAND_INS[name]
    print(f"SKDNN_DATA has no {name}.parquet: {what} are used instead.")
    return make()


def find(name):
    """Return the path of a file in the folder SKDNN_DATA, or None if there is none."""
    path = Path(SOURCE, name) if SOURCE else None
    return path if path and path.is_file() else None


def split(X, y, shape, test_size):
    """Return Pictures of which a stratified part is for testing."""
    parts = train_test_split(X, y, test_size=test_size, stratify=y, random_state=0)
    return Pictures(*parts, shape)


def small_digits():
    """Return scikit-learn's digits."""
    X, y = load_digits(return_X_y=True)
    return split(X / 16, y, (8, 8), test_size=500)


def threes_and_eights():
    """Return scikit-learn's pictures of the digits 3 and 8, as classes 0 and 1."""
    X, y = load_digits(return_X_y=True)
    chosen = np.isin(y, (3, 8))
    return split(X[chosen] / 16, (y[chosen] == 8).astype(int), (8, 8), test_size=100)


def drawn_faces(n_people=40, n_pictures=10):
    """Return drawings of faces: features vary by person; place and light by picture."""
    rng = np.random.default_rng(0)
    down, across = np.mgrid[-1:1:56j, -1:1:46j]

    def spot(row, column, height, width):
        return np.exp(-(((down - row) / height) ** 4) - ((across - column) / width) ** 4)

    faces = []
    for _ in range(n_people):
        head, hair, apart, eye, nose, mouth, brow = rng.uniform(0.8, 1.25, 7)
        for _ in range(n_pictures):
            y, x, light, smile = rng.normal(scale=(0.05, 0.05, 0.25, 0.02))
            face = 0.8 * spot(y, x, 0.8, 0.55 * head) - 0.5 * spot(y - 0.75, x, 0.25 * hair, 0.6)
            for side in (-1, 1):
                face -= 0.5 * spot(y - 0.15, x + side * 0.24 * apart, 0.06 * eye, 0.11 * eye)
                face -= 0.3 * spot(y - 0.32 * brow, x + side * 0.24 * apart, 0.03, 0.15)
            face -= 0.2 * spot(y + 0.1, x, 0.2 * nose, 0.06 * nose)
            face -= 0.4 * spot(y + 0.42 + smile, x, 0.05, 0.22 * mouth)
            faces.append(face * (1 + light * across) + rng.normal(scale=0.05, size=face.shape))
    X = np.clip(np.reshape(faces, (n_people * n_pictures, -1)), 0, 1)
    return split(X, np.repeat(np.arange(n_people), n_pictures), (56, 46), test_size=0.3)


def whistled_digits(n_each=90):
    """Return made-up mel spectrograms: each digit is two tones that rise or fall."""
    rng = np.random.default_rng(0)
    mel, time = np.mgrid[0:1:32j, 0:1:32j]
    tones = rng.uniform(0.1, 0.9, (10, 2, 2))  # of each digit: start and end of two tones
    spectrograms = []
    for starts_and_ends in np.repeat(tones, n_each, axis=0):
        pitch, begin, length = rng.normal(0, 0.04), rng.uniform(0, 0.25), rng.uniform(0.5, 0.75)
        part = (time - begin) / length  # of the word that has been spoken
        sound = rng.normal(0.1, 0.08, mel.shape)
        for start, end in starts_and_ends + rng.normal(0, 0.04, (2, 2)):
            tone = start + (end - start) * part + pitch
            sound += np.exp(-(((mel - tone) / 0.06) ** 2)) * ((part > 0) & (part < 1))
        spectrograms.append(sound.ravel())
    X = np.clip(spectrograms, 0, 1)
    return split(X, np.repeat(np.arange(10), n_each), (32, 32), test_size=0.1)


def made_up_credits(n_rows=20_000):
    """Return a made-up table of borrowers, of whom 7 % do not pay back."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "used_share_of_limit": rng.beta(0.5, 1.0, n_rows).round(3),
            "age": rng.integers(21, 90, n_rows),
            "late_payments": rng.poisson(rng.gamma(0.3, 1.0, n_rows)),
            "monthly_income": rng.lognormal(8.5, 0.7, n_rows).round(),
            "debt_ratio": rng.gamma(1.5, 0.3, n_rows).round(3),
            "open_credits": rng.poisson(8, n_rows),
        }
    )
    income = np.log(X["monthly_income"])
    logit = 2.2 * X["used_share_of_limit"] + 0.9 * np.sqrt(X["late_payments"]) - 0.02 * X["age"]
    logit += 0.6 * X["debt_ratio"] - 0.5 * (income - 8.5) - 3.1
    y = pd.Series((rng.random(n_rows) < 1 / (1 + np.exp(-logit))).astype(int), name="target")
    X.loc[rng.random(n_rows) < 0.2, "monthly_income"] = np.nan
    return X, y


def drifting_prices(n_rows=45_000):
    """Return a made-up stream of half-hours in which a rule changes gradually."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "period": np.arange(n_rows) % 48,
            "demand": rng.beta(2, 2, n_rows).round(3),
            "transfer": rng.beta(2, 2, n_rows).round(3),
        }
    )
    share = np.linspace(-1, 1, n_rows)  # of the new rule
    logit = 8 * (X["demand"] - 0.5) - 6 * share * (X["transfer"] - 0.5)
    logit += np.sin(X["period"] * 2 * np.pi / 48) * share
    y = np.where(rng.random(n_rows) < 1 / (1 + np.exp(-logit)), 1, 0)
    return X, pd.Series(y, name="target")


def downloaded_digits():
    """Return MNIST from OpenML, with its official test set."""
    X, y = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)
    X, y = X / np.float32(255), y.astype(int)
    return Pictures(X[:60_000], X[60_000:], y[:60_000], y[60_000:], (28, 28))


def downloaded_faces():
    """Return the faces of 40 people, 10 pictures of each."""
    X, y = fetch_olivetti_faces(return_X_y=True)
    return split(X, y, (64, 64), test_size=0.3)


STAND_INS = {
    "mnist": ("the digits bundled with scikit-learn", small_digits),
    "catvnoncat": ("digits, 3 and 8, bundled with scikit-learn", threes_and_eights),
    "orl_faces": ("drawn faces", drawn_faces),
    "spoken_digits_melspec": ("made-up spectrograms", whistled_digits),
    "electricity": ("45,000 made-up half-hours", drifting_prices),
    "give_me_some_credit": ("20,000 made-up borrowers", made_up_credits),
}
DOWNLOADS = {"mnist": downloaded_digits, "orl_faces": downloaded_faces}
