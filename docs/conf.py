import sys
from pathlib import Path

from leastwise import __version__

HERE = Path(__file__).parent
# The house's own extensions, and the module by which the gallery's pages state what they checked.
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "examples")]

project = "leastwise"
author = "leastwise developers"
copyright = "2026, leastwise developers"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "docstrings",
    "offline",
    "studies_table",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"leastwise {version}"
html_static_path = ["_static"]
html_css_files = ["house.css"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's sections say it
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"^(?!plot_).*\.py$",
    "within_subsection_order": "FileNameSortKey",
    "run_stale_examples": True,  # the table of the studies is made of what this build computed
    "image_scrapers": ("offline.svg",),
    "capture_repr": (),
    "doc_module": ("leastwise",),
    "backreferences_dir": "gallery/backreferences",
    "download_all_examples": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "show_signature": False,
}
