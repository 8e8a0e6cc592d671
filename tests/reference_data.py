"""The rows behind tests/data/references.json; run as a program, it has R make that file again.

    python tests/reference_data.py       # needs Rscript with quantreg and glmnet

R gets the rows as raw float64, column by column: no digit is lost on the way.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

Float = NDArray[np.float64]

HERE = Path(__file__).parent / "data"


def standardised(X: Float) -> Float:
    """(X - mean) / sd, sd with 1/n."""
    return (X - X.mean(axis=0)) / X.std(axis=0)


def diabetes() -> tuple[Float, Float]:
    """442 patients in the units that they were measured in."""
    return load_diabetes(scaled=False, return_X_y=True)


def cancer() -> tuple[Float, Float]:
    """569 tumours, 30 standardised columns; 1 is benign."""
    X, y = load_breast_cancer(return_X_y=True)
    return standardised(X), y.astype(np.float64)


def iris() -> tuple[Float, Float]:
    """150 flowers of three kinds, 0, 1 and 2, 4 columns in centimetres."""
    X, y = load_iris(return_X_y=True)
    return X, y.astype(np.float64)


ROWS = {"diabetes": diabetes, "cancer": cancer, "iris": iris}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in ROWS.items():
            X, y = rows()
            np.column_stack([X, y]).T.astype("<f8").tofile(Path(folder) / f"{name}.f64")
            (Path(folder) / f"{name}.columns").write_text(f"{X.shape[1] + 1}\n")
        script = str(HERE / "references.R")
        made = subprocess.run(["Rscript", script, folder], stdout=subprocess.PIPE, check=False)
    if made.returncode:
        sys.exit(made.returncode)
    (HERE / "references.json").write_bytes(made.stdout)


if __name__ == "__main__":
    main()
