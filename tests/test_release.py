"""What a release consists of: one version everywhere, and a small package."""

import io
import re
import tomllib
import zipfile
from pathlib import Path

import skdnn

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
MOST_BYTES = 305_000


def test_the_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.findall(r"^version: (.+)$", citation, re.MULTILINE) == [skdnn.__version__]
    assert PROJECT["project"]["version"] == skdnn.__version__


def test_the_source_distribution_has_all_that_the_repository_has():
    included = set(PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])
    needed = {"skdnn", "tests", "docs", "examples", "benchmarks"}
    needed |= {path.name for pattern in ("*.md", "*.cff", "LICENSE") for path in ROOT.glob(pattern)}
    assert included == needed


def test_the_package_is_small_once_compressed():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in [ROOT / "README.md", *(ROOT / "skdnn").rglob("*")]:
            if path.is_file() and "__pycache__" not in path.parts:
                file.write(path)
    assert 50_000 < archive.tell() < MOST_BYTES


def test_the_readme_names_every_extra_for_users():
    extras = set(PROJECT["project"]["optional-dependencies"]) - {"bench", "dev", "docs", "test"}
    text = (ROOT / "README.md").read_text("utf-8")
    (section,) = re.findall(r"^## Try it\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == extras
