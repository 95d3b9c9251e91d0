"""The Python blocks of every page run, in order; its links and pictures lead somewhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "docs" / "_build"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PAGES = [page for page in PAGES if not page.is_relative_to(BUILT)]
FENCED = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def blocks(text, language):
    """Yield (line number, content) of the fenced blocks in a language."""
    for match in FENCED.finditer(text):
        if match[1] == language:
            yield text[: match.start(2)].count("\n"), match[2]


def as_script(text):
    """Return all Python blocks as one script, each on the lines that it has in the page."""
    lines = []
    for start, content in blocks(text, "python"):
        lines += [""] * (start - len(lines)) + content.splitlines()
    return "\n".join(lines)


def anchors(text):
    """Return the anchors that headings get."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in kept}


# Of pyparsing, in the oldest matplotlib we test, as in pyproject.toml.
OF_MATPLOTLIB = [
    part
    for module in ("_fontconfig_pattern", "_mathtext")
    for part in ("-W", f"ignore::DeprecationWarning:matplotlib.{module}")
]


def name(page):
    return str(page.relative_to(ROOT))


# Runs every page on standard input as a script of its own; goes on after one that fails.
RUNNER = """
import json, sys, traceback
failed = False
for page, code in json.load(sys.stdin):
    try:
        exec(compile(code, page, "exec"), {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc()
        failed = True
sys.exit(failed)
"""


def processes():
    """Return lists of the pages that share a process.

    Those of the guide do, since starting takes longer than most of them. Others have a process of
    their own: pages about extending the package add to its tables.
    """
    pages = [page for page in PAGES if as_script(page.read_text("utf-8"))]
    guide = [page for page in pages if page.parent == ROOT / "docs" / "guide"]
    return [guide, *([page] for page in pages if page not in guide)]


@pytest.mark.parametrize("pages", processes(), ids=lambda pages: f"{len(pages)}-{name(pages[0])}")
def test_the_code_of_every_page_runs(pages, tmp_path):
    scripts = [(str(page), as_script(page.read_text("utf-8"))) for page in pages]
    result = subprocess.run(
        [sys.executable, "-W", "error", *OF_MATPLOTLIB, "-X", "utf8", "-c", RUNNER],
        input=json.dumps(scripts),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_of_a_page_lead_somewhere(page):
    for link in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), link


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted((ROOT / "docs" / "figures").glob("*.py")), ids=name)
def test_the_figures_of_a_page_are_those_that_its_script_draws(script, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "error", *OF_MATPLOTLIB, script, tmp_path]
    subprocess.run(command, env=environment, check=True, timeout=300)
    page = (ROOT / "docs" / script.stem.replace("_", "-")).with_suffix(".md")
    shown = re.findall(r"!\[[^\]]*\]\(images/([^)]+)\)", page.read_text("utf-8"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(shown)


@pytest.mark.parametrize("heading", ["Try it", "Run the tests"])
def test_the_readme_has_one_block_of_commands_under_each_heading(heading):
    text = (ROOT / "README.md").read_text("utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    (section,) = [part for part in section if part.startswith(f"{heading}\n")]
    assert len(list(blocks(section, "sh"))) == 1


def test_extras_are_in_quotes_wherever_they_are_installed():
    paths = [*PAGES, *(ROOT / "skdnn").rglob("*.py")]
    commands = [line for path in paths for line in path.read_text("utf-8").splitlines()]
    commands = [line for line in commands if re.search(r"pip install .*\w?\[\w", line)]
    assert commands
    for line in commands:  # zsh takes unquoted brackets for a pattern
        assert re.search(r"pip install [^\[]*[\"'][\w.]+\[[\w,]+\][\"']", line), line


def test_the_source_map_names_every_module_once():
    text = (ROOT / "docs" / "source-map.md").read_text("utf-8")
    named = re.findall(r"^\| `([\w/]+\.py)` \|", text, re.MULTILINE)
    modules = (ROOT / "skdnn").rglob("*.py")
    wanted = [path.relative_to(ROOT / "skdnn").as_posix() for path in modules]
    assert sorted(named) == sorted(wanted)


def test_the_index_of_the_user_guide_links_every_page_of_it():
    index = (ROOT / "docs" / "user-guide.md").read_text("utf-8")
    linked = {link.partition("#")[0] for link in LINK.findall(index)}
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in ROOT.glob("docs/guide/*.md")}
    assert pages
    assert pages <= linked
