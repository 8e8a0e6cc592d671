"""Tensors of PyTorch in the place of arrays, recognised by the name of their type.

A tensor in the host's memory is the same memory as an array, and is worked on as one. Predictions
come back as tensors of the kind, the device and the float type of what was predicted from.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from leastwise.errors import DataError, UsageError

Float = NDArray[np.float64]
HOSTED = ("cpu", "mps")  # devices whose tensors the host works on: mps has no float64
Method = TypeVar("Method", bound=Callable[..., Any])


def installed() -> bool:
    """Whether PyTorch can be imported."""
    return find_spec("torch") is not None


def the_library() -> Any:
    """PyTorch.

    Raises
    ------
    UsageError
        It is not installed.
    """
    if not installed():
        raise UsageError("PyTorch is not installed: pip install 'leastwise[torch]'")
    return import_module("torch")


def is_tensor(value: Any) -> bool:
    """Whether `value` is a tensor of PyTorch."""
    return any(
        (kind.__module__, kind.__name__) == ("torch", "Tensor") for kind in type(value).__mro__
    )


def array_of(value: Any) -> Any:
    """The numbers of a dense tensor as an array, off its graph; anything else as it is.

    An array of the host's own memory where it can be; bfloat16, which NumPy lacks, as float32.

    Raises
    ------
    DataError
        It is sparse, or on the device "meta".
    """
    if not is_tensor(value):
        return value
    torch = the_library()
    if value.device.type == "meta":
        raise DataError('a tensor is on the device "meta", which holds no numbers: give a real one')
    if value.layout != torch.strided:
        raise DataError(
            f"a tensor of layout {value.layout} stands where a dense one is needed: give what its "
            "to_dense() returns"
        )
    host = value.detach().cpu()
    return (host.float() if host.dtype == torch.bfloat16 else host).resolve_conj().numpy()


def rows_of_tensor(X: Any) -> Any:
    """What a source takes of a tensor of rows: an array, or a sparse matrix; others as they are.

    Raises
    ------
    DataError
        It is complex, or quantised, or sparse in blocks.
    """
    if not is_tensor(X):
        return X
    torch = the_library()
    if X.is_complex() or X.is_quantized:
        raise DataError(f"X is a tensor of {X.dtype}: give real numbers")
    if X.layout == torch.strided:
        return _of_dense(X)
    if X.layout not in (torch.sparse_csr, torch.sparse_csc, torch.sparse_coo):
        raise DataError(f"X is a tensor of layout {X.layout}: give a dense, CSR, CSC or COO one")
    from scipy.sparse import coo_array, csc_array, csr_array

    csr, csc = X.layout == torch.sparse_csr, X.layout == torch.sparse_csc
    if not (csr or csc):
        X = X.detach().coalesce()
        parts = (array_of(X.values()), tuple(array_of(X.indices())))
        return coo_array(parts, shape=tuple(X.shape)).tocsr()
    starts, places = (
        (X.crow_indices(), X.col_indices()) if csr else (X.ccol_indices(), X.row_indices())
    )
    parts = tuple(array_of(part) for part in (X.values(), places, starts))
    return (csr_array if csr else csc_array)(parts, shape=tuple(X.shape))


def _of_dense(X: Any) -> Any:
    """An array, or what works on a tensor where it lies: on a device that has float64."""
    if X.device.type in (*HOSTED, "meta") or X.ndim != 2 or not X.is_floating_point():
        return array_of(X)
    from leastwise.blocks.torch import Matrix

    return Matrix(X.detach())


def like(found: Any, X: Any) -> Any:
    """What was found for the rows of a tensor X as tensors of its device.

    Numbers have its float type, float64 where it has whole numbers; whole numbers stay such, and
    what no tensor holds, such as labels of text, stays an array.
    """
    if isinstance(found, tuple):
        return tuple(like(part, X) for part in found)
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
        return found
    torch = the_library()
    dtype = None
    if found.dtype.kind == "f":
        dtype = X.dtype if X.dtype.is_floating_point else torch.float64
    return torch.as_tensor(np.ascontiguousarray(found)).to(X.device, dtype)


def tensors_out(method: Method) -> Method:
    """A method of rows X that gives tensors for a tensor, and otherwise what it always gives."""

    @functools.wraps(method)
    def called(self: Any, X: Any, *rest: Any, **options: Any) -> Any:
        if not is_tensor(X):
            return method(self, X, *rest, **options)
        return like(method(self, rows_of_tensor(X), *rest, **options), X)

    return cast(Method, called)


def module(coef: Float, intercept: Float | None, head: str | None, dtype: Any) -> Any:
    """An nn.Sequential whose first part is an nn.Linear of these coefficients.

    Parameters
    ----------
    coef : (k, p) ; intercept : (k,) or None
    head : "flatten" makes (n,) of (n, 1), "softmax" probabilities
    dtype : of the module's numbers; float64 by default

    Raises
    ------
    UsageError
        The dtype is no float type of PyTorch.
    """
    torch = the_library()
    dtype = torch.float64 if dtype is None else dtype
    if not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise UsageError(f"dtype must be a float type such as torch.float32, not {dtype!r}")
    k, p = coef.shape
    linear = torch.nn.Linear(p, k, bias=intercept is not None, dtype=dtype)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(coef))
        if intercept is not None:
            linear.bias.copy_(torch.tensor(intercept))
    heads = {"flatten": lambda: [torch.nn.Flatten(0)], "softmax": lambda: [torch.nn.Softmax(1)]}
    return torch.nn.Sequential(linear, *(heads[head]() if head else []))
