"""The documentation site: every public object has an entry; the built site works (slow)."""

import inspect
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import pytest

import skdnn

ROOT = Path(__file__).parents[1]
API_PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
FOUND = {  # by searching for a word or two
    "DeepNetClassifier": "generated/skdnn.DeepNetClassifier",
    "missing values": "guide/tables",
    "ensemble": "guide/ensemble",
    "early stopping": "guide/training",
    "feature importance": "explain",
    "calibration": "guide/ensemble",
    "imbalanced": "guide/imbalanced",
}


def resolve(name):
    """Return the object with a dotted name."""
    parts = name.split(".")
    for n_parts in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(".".join(parts[:n_parts]))
        except ModuleNotFoundError:
            continue
        for part in parts[n_parts:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


def entries():
    """Yield the names that have an entry on the page about the API."""
    module = ""
    for line in API_PAGE.splitlines():
        if match := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = match[1]
        elif match := re.fullmatch(r"   ([A-Za-z_]\w*(?:\.\w+)*)", line):
            yield f"{module}.{match[1]}"
        elif match := re.fullmatch(r"\.\. py:data:: (\S+)", line):
            yield match[1]


def public_names():
    """Yield the names in ``__all__``, the callbacks, and what pages import from the core."""
    for module in (skdnn, skdnn.export, skdnn.inspection):
        yield from (f"{module.__name__}.{name}" for name in module.__all__)
    for name, value in vars(skdnn.callbacks).items():
        if inspect.isclass(value) and value.__module__ == "skdnn.callbacks" and name[0] != "_":
            yield f"skdnn.callbacks.{name}"
    pages = [page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md")]
    for module, names in re.findall(
        r"^from (skdnn\.core\.\w+) import (.+)$", "\n".join(pages), re.MULTILINE
    ):
        yield from (f"{module}.{name}" for name in names.split(", "))


def test_every_public_object_has_an_entry_on_the_api_page():
    listed = [resolve(name) for name in entries()]
    wanted = sorted(set(public_names()))
    assert {"skdnn.load", "skdnn.callbacks.Checkpoint", "skdnn.core.losses.Loss"} <= set(wanted)
    missing = [name for name in wanted if not any(resolve(name) is item for item in listed)]
    assert missing == []


def test_every_page_is_in_a_table_of_contents():
    docs = ROOT / "docs"
    pages = {page for page in docs.rglob("*.md") if not page.is_relative_to(docs / "_build")}
    listed = {docs / "index.md"}
    for page in pages:
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text("utf-8"), re.M | re.S):
            for name in tree.split():  # which may be a pattern, such as guide/*
                listed.update(page.parent.glob(f"{name}.md"))
    assert pages - listed == set()


class Page(HTMLParser):
    """The anchors of an HTML page, where its links lead, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loaded, self.words = set(), [], [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors.update(value for key in ("id", "name") if (value := attrs.get(key)))
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        elif tag == "link" and attrs.get("rel") in ("stylesheet", "preload", "icon"):
            self.loaded.append(attrs["href"])
        elif attrs.get("src"):
            self.loaded.append(attrs["src"])

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site, built without a warning, with the examples' quick runs."""
    for package in ("myst_parser", "pydata_sphinx_theme", "sphinx_gallery"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E"]
    result = subprocess.run(
        [*command, "-d", folder / "doctrees", ROOT / "docs", folder / "html"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SKDNN_QUICK": "1", "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=1200,
    )
    assert result.returncode == 0, result.stderr[-5000:]
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site):
    """Return the parsed pages of the site, by path."""
    paths = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    return {path: Page(path) for path in paths}


def dead_links(path, page, pages):
    """Yield the links of a page that lead to no file or to no anchor of the site."""
    for link in [*page.links, *page.loaded]:
        if re.match(r"https?:|mailto:|data:|javascript:", link) or link == "#":
            continue
        place, _, anchor = unquote(link).partition("#")
        place = place.partition("?")[0]
        target = (path.parent / place).resolve() if place else path
        known = pages.get(target)
        if not target.is_file() or (anchor and known and anchor not in known.anchors):
            yield link


@pytest.mark.slow
def test_links_and_anchors_of_the_built_pages_lead_somewhere(pages):
    assert len(pages) > 50
    dead = {str(path): list(dead_links(path, page, pages)) for path, page in pages.items()}
    assert {path: links for path, links in dead.items() if links} == {}


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(pages):
    for path, page in pages.items():
        assert [item for item in page.loaded if re.match(r"(https?:)?//", item)] == [], path


@pytest.mark.slow
def test_the_landing_page_shows_the_output_of_its_code(site, pages):
    assert re.search(
        r"accuracy: 0\.9\d+ \(estimated in fit: 0\.9\d+\)", pages[site / "index.html"].text
    )


@pytest.mark.slow
def test_llms_txt_lists_every_page_once(site, pages):
    text = (site / "llms.txt").read_text("utf-8")
    listed = re.findall(r"^- \[[^\n]+\]\(([^)\s]+)\)$", text, re.MULTILINE)
    assert len(listed) == len(set(listed)) == len(text.splitlines()) - 2
    made_by_sphinx = {"search.html", "genindex.html", "py-modindex.html"}
    found = {path.relative_to(site).as_posix() for path in pages}
    assert found - made_by_sphinx == set(listed)


@pytest.mark.slow
def test_parameters_are_shown_in_their_groups(site, pages):
    page = pages[site / "generated" / "skdnn.DeepNetClassifier.html"].text
    groups = ["Parameters", "Training parameters", "Ensemble and validation parameters"]
    groups += ["Regularization parameters", "Data parameters", "Other parameters", "Attributes"]
    places = [page.index(f"{group} :") for group in groups]
    assert places == sorted(places)
    assert places[1] < page.index(" solver {") < places[2] < page.index(" n_members int or")


def found_by_search(site, query):
    """Return the titles of the pages that have all words of a query, in Sphinx's index."""
    from sphinx.search.en import SearchEnglish

    text = (site / "searchindex.js").read_text("utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    stem = SearchEnglish({}).stem
    found = set(range(len(index["docnames"])))
    for word in query.lower().split():
        numbers = set()
        for terms in (index["terms"], index["titleterms"]):
            value = terms.get(stem(word), [])
            numbers.update([value] if isinstance(value, int) else value)
        found &= numbers
    return {index["docnames"][number] for number in found}


@pytest.mark.slow
@pytest.mark.parametrize(("query", "page"), FOUND.items())
def test_search_finds_what_readers_look_for(site, query, page):
    assert page in found_by_search(site, query)
    assert found_by_search(site, f"{query} nosuchwordanywhere") == set()
