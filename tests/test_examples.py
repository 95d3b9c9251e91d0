"""The examples run, and each draws the picture that it promises."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))
# Old releases of matplotlib use what newer ones of their dependencies deprecate.
STRICT = ("-W", "error", "-W", "ignore::DeprecationWarning")


def run(script, folder):
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *STRICT, script, folder],
        env={**os.environ, "SKDNN_QUICK": "1", "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_reports_and_draws_its_picture(script, tmp_path):
    result = run(script, tmp_path)
    assert result.returncode == 0, result.stderr
    pictures = list(tmp_path.iterdir())
    assert [picture.name for picture in pictures] == [f"{script.stem}.png"]
    assert str(pictures[0]) in result.stdout
    with Image.open(pictures[0]) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= 200
        assert np.asarray(picture.convert("L")).std() > 10
    assert pictures[0].stat().st_size < 80_000


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_the_docs_have_the_picture_of_every_example(script):
    assert (ROOT / "docs" / "images" / f"{script.stem}.png").is_file()
