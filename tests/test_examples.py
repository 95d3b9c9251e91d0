"""The examples run, and draw the pictures that they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
# Run by default; the others take some seconds each.
QUICK = ("plot_first_table", "plot_why_deep", "plot_uncertainty", "plot_stream")
# Old releases of matplotlib use what newer ones of their dependencies deprecate.
STRICT = ("-W", "error", "-W", "ignore::DeprecationWarning")


def run(script, folder, **environment):
    """Run an example in quick mode, without outside data, with its pictures saved in a folder."""
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    kept = {name: value for name, value in os.environ.items() if name != "SKDNN_DATA"}
    new = {"SKDNN_QUICK": "1", "PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8", **environment}
    return subprocess.run(
        [sys.executable, *STRICT, script],
        env={**kept, **new},
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


def check_picture(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= 200
        pixels = np.asarray(picture.convert("L"))
    assert pixels.std() > 10
    edges = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    assert all((edge == 255).all() for edge in edges)  # nothing is cut off


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(path, marks=() if path.stem in QUICK else pytest.mark.slow, id=path.stem)
        for path in EXAMPLES
    ],
)
def test_an_example_reports_and_draws_every_figure_that_it_shows(script, tmp_path):
    folder = tmp_path / "pictures"
    saving = {"MPLBACKEND": "module://save_pictures", "SKDNN_PICTURES": str(folder)}
    result = run(script, tmp_path, **saving)
    assert result.returncode == 0, result.stderr
    pictures = sorted(folder.iterdir())
    assert len(pictures) == script.read_text("utf-8").count("plt.show()") >= 1
    for picture in pictures:
        assert picture.stem.startswith(script.stem.removeprefix("plot_"))
        assert str(picture) in result.stdout
        check_picture(picture)


def test_the_first_example_saves_its_picture_on_a_machine_without_a_display(tmp_path):
    result = run(ROOT / "examples" / "plot_first_table.py", tmp_path, MPLBACKEND="agg", DISPLAY="")
    assert result.returncode == 0, result.stderr
    assert "accuracy" in result.stdout.lower()
    check_picture(tmp_path / "first_table.png")


def test_an_example_without_outside_data_says_what_it_uses_instead(tmp_path):
    result = run(ROOT / "examples" / "plot_cat_network.py", tmp_path, MPLBACKEND="agg", DISPLAY="")
    assert re.search(r"SKDNN_DATA has no catvnoncat\.npz: .* are used instead\.", result.stdout)


def test_an_example_reads_the_folder_that_skdnn_data_names(tmp_path):
    rng = np.random.default_rng(0)
    pixels = {part: rng.integers(0, 256, (12, 48), np.uint8) for part in ("X_train", "X_test")}
    labels = {part: np.arange(12) % 2 for part in ("y_train", "y_test")}
    np.savez(tmp_path / "catvnoncat.npz", **pixels, **labels, image_shape=(4, 4, 3))
    script = ROOT / "examples" / "plot_cat_network.py"
    result = run(script, tmp_path, SKDNN_DATA=str(tmp_path), MPLBACKEND="agg", DISPLAY="")
    assert result.returncode == 0, result.stderr
    assert "12 training pictures; 50.0%" in result.stdout


def test_pictures_of_examples_in_the_documentation_are_there():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for name in re.findall(r"\]\(([^)]*images/[^)]*\.png)\)", page.read_text("utf-8")):
            assert (page.parent / name).is_file(), f"{page.name}: {name}"
