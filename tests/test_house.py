"""Laws about the house: what a start costs, how long a file is, what a public name says."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import leastwise

PACKAGE = Path(leastwise.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
WRITTEN = (".py", ".html", ".jinja", ".j2", ".css", ".js", ".svg")
MOST_LINES = 400

LIGHT = {"sqrt", "sign", "int64", "float64", "finfo"}  # what compiled loops may call of NumPy
HEAVY = ("sklearn", "numba", "pyarrow", "scipy", "pandas", "torch", "dask")

# Packages that only the named rooms may import, at any depth of their code.
HOMES = {
    "torch": (),
    "dask": (),
    "numba": ("kernels",),
    "sklearn": ("estimators", "cv"),
}


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Top-level package and line of every import statement in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_import_stays_light() -> None:
    code = f"import sys, leastwise; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == [], "imported by `import leastwise` alone"


@pytest.mark.parametrize("path", sorted((PACKAGE / "kernels").glob("*.py")), ids=name_of)
def test_a_loop_calls_nothing_that_takes_long_to_load(path: Path) -> None:
    """`np.zeros`, `np.dot` and their like are found through modules that take 50 ms to import."""
    code = ast.parse(path.read_text(encoding="utf-8"))
    calls = [ast.unparse(node.func) for node in ast.walk(code) if isinstance(node, ast.Call)]
    of_numpy = {name.removeprefix("np.") for name in calls if name.startswith("np.")}
    assert {name for name in of_numpy if name.isidentifier()} <= LIGHT


def test_a_path_on_arrays_starts_light() -> None:
    """What checks lists and frames, and what makes tables, takes longer to import than it runs."""
    code = """
import sys, numpy as np, scipy.sparse as sp, leastwise
X = np.random.default_rng(0).normal(size=(30, 4))
leastwise.path(X, X[:, 0], strengths=3)
leastwise.path(sp.csr_array(X.astype(np.float32)), X[:, 0], strengths=3)
leastwise.path(sp.csc_matrix(X), X[:, 0] > 0.5, loss="logistic", strengths=3)
print(*[name for name in ("sklearn", "pandas", "pyarrow", "scipy.special") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == [], "imported by a path on arrays"


def test_no_file_is_long() -> None:
    files = [
        path
        for path in PACKAGE.rglob("*")
        if path.suffix in WRITTEN and not any("vendor" in part for part in path.parts)
    ]
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    long = {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
    assert lengths
    assert long == {}, f"more than {MOST_LINES} lines: more than one idea"


@pytest.mark.parametrize("guest", HOMES)
def test_guests_stay_at_home(guest: str) -> None:
    astray = [
        f"{name_of(path)}:{line}"
        for path in MODULES
        for name, line in imported(path)
        if name == guest and room_of(path) not in HOMES[guest]
    ]
    assert astray == [], f"{guest} may be imported only in: {', '.join(HOMES[guest]) or 'nothing'}"


@pytest.mark.parametrize("name", leastwise.__all__)
def test_public_names_are_documented(name: str) -> None:
    thing = getattr(leastwise, name)
    if isinstance(thing, str):
        return
    doc = inspect.getdoc(thing) or ""
    assert doc, f"leastwise.{name} has no docstring"
    assert not doc.startswith(f"{name}("), f"leastwise.{name} has only a dataclass's signature"
    is_plain = inspect.ismodule(thing) or (inspect.isclass(thing) and issubclass(thing, Exception))
    if not is_plain:
        assert "\n----" in doc or ">>> " in doc, f"leastwise.{name}: neither sections nor example"


def test_public_names_are_all_there() -> None:
    assert set(leastwise.__all__) <= set(dir(leastwise))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = leastwise.no_such_name
