"""Public data sets, in the folder that the environment variable SKDNN_DATA names."""

import os
from pathlib import Path

import pytest

FOLDER = os.environ.get("SKDNN_DATA")


def public_path(file):
    """Return the path of a file; skip the test where it is not there."""
    path = Path(FOLDER or "", file)
    if not FOLDER or not path.exists():
        pytest.skip(f"{file} is not in the folder that SKDNN_DATA names")
    return path
