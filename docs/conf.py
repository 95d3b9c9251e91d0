"""Settings of the documentation site: ``python -m sphinx -W --keep-going docs docs/_build/html``.

The pages are Markdown that GitHub renders too; what only the site has is in ``_extensions``.
Nothing is loaded from the network, neither in the build nor by the pages.
"""

import logging
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_extensions"), str(Path(__file__).parents[1])]

import skdnn

logging.getLogger("skdnn").setLevel("ERROR")  # no news of compiling in the examples' output

project = "skdnn"
author = copyright = "the skdnn developers"
version = release = skdnn.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "links_out_of_docs",
    "live_output",
    "llms_txt",
    "mathml",
    "parameter_groups",
]
exclude_patterns = ["_build", "generated/backreferences"]
templates_path = ["_templates"]
suppress_warnings = ["config.cache"]  # the gallery's settings hold a class

# Markdown: GitHub's anchors of headings, ``$...$``, and fences of colons.
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4

# API pages. Types stand in the docstrings.
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the template of classes lists them

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "ignore_pattern": r"^(?!plot_)",
    "within_subsection_order": "gallery_order.LessonOrder",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skdnn",),
    "reference_url": {"skdnn": None},
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,  # their page loads scripts from elsewhere
}

copybutton_selector = "div:not(.output):not(.sphx-glr-script-out) > div.highlight > pre"
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = "skdnn"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system
html_copy_source = False
html_favicon = "_static/favicon.svg"
html_sidebars = {"index": [], "install": []}
html_theme_options = {
    "footer_end": [],
    "footer_start": ["copyright"],
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
