"""Vectors of n that stay on a device: a tensor that NumPy's functions take (NEP 13 and 18).

Losses, slopes and line searches run on the device as they are written. What a function has no
counterpart for here is done on the host, with the same result. All that comes back goes through
`land`: it is what a transfer is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from leastwise.blocks.tensors import the_library

# Ufuncs by the name of their counterpart, where that is another.
UFUNCS = {
    "absolute": "abs",
    "divide": "true_divide",
    "equal": "eq",
    "greater": "gt",
    "greater_equal": "ge",
    "invert": "bitwise_not",
    "less": "lt",
    "less_equal": "le",
    "not_equal": "ne",
    "power": "pow",
}
SAME = (
    "add",
    "subtract",
    "multiply",
    "negative",
    "positive",
    "matmul",
    "square",
    "sqrt",
    "sign",
    "exp",
    "expm1",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "isfinite",
    "isnan",
    "bitwise_and",
    "bitwise_or",
    "logical_and",
    "logical_not",
    "logical_or",
)
UFUNCS.update(zip(SAME, SAME, strict=True))
CHANGING = (np.copyto, np.place, np.put, np.putmask)


def land(tensor: Any) -> Any:
    """The numbers of a tensor as an array of the host: one transfer."""
    return tensor.detach().cpu().numpy()


def lift(array: Any, like: Any) -> Any:
    """An array as a tensor on the device of `like`; the device is not waited for."""
    torch = the_library()
    host = torch.from_numpy(np.array(array, order="C"))
    return host.to(like.device, non_blocking=True)


def carried(array: Any, like: Any) -> Any:
    """An array of the host as one that stays on the device of `like`."""
    return OnDevice(lift(array, like))


def landed(found: Any) -> Any:
    """What a pass found as arrays of the host; several numbers and arrays in one transfer."""
    if isinstance(found, OnDevice):
        return land(found.values)
    if not isinstance(found, list | tuple) or not any(isinstance(x, OnDevice) for x in found):
        return found
    parts = [part.values for part in found if isinstance(part, OnDevice)]
    torch = the_library()
    whole = land(torch.cat([part.reshape(-1).to(torch.float64) for part in parts]))
    edges = np.cumsum([part.numel() for part in parts])[:-1]
    arrays = iter(np.split(whole, edges))
    shapes = iter([tuple(part.shape) for part in parts])
    each = [
        next(arrays).reshape(next(shapes)) if isinstance(part, OnDevice) else part for part in found
    ]
    return type(found)(each)


class OnDevice(NDArrayOperatorsMixin):
    """A tensor as an array that NumPy's functions take and give.

    Parameters
    ----------
    values : the tensor, of float64, booleans or whole numbers
    """

    __slots__ = ("values",)

    def __init__(self, values: Any) -> None:
        self.values = values

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    @property
    def ndim(self) -> int:
        return self.values.ndim

    @property
    def size(self) -> int:
        return self.values.numel()

    @property
    def dtype(self) -> np.dtype[Any]:
        torch = the_library()
        kinds = {torch.bool: np.bool_, torch.int64: np.int64}
        return np.dtype(kinds.get(self.values.dtype, np.float64))

    @property
    def T(self) -> OnDevice:
        return OnDevice(self.values.T if self.ndim == 2 else self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(land(self.values), dtype)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[OnDevice]:
        return (OnDevice(part) for part in self.values)

    def __bool__(self) -> bool:
        return bool(np.asarray(self))

    def __float__(self) -> float:
        return float(np.asarray(self))

    def __format__(self, words: str) -> str:
        return format(float(self), words)

    def __getitem__(self, places: Any) -> OnDevice:
        return OnDevice(self.values[index_of(places, self.values)])

    def __setitem__(self, places: Any, new: Any) -> None:
        self.values[index_of(places, self.values)] = tensor_of(new, self.values)

    def __matmul__(self, other: Any) -> OnDevice:
        return OnDevice(self.values @ tensor_of(other, self.values))

    def __rmatmul__(self, other: Any) -> OnDevice:
        return OnDevice(tensor_of(other, self.values) @ self.values)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *given: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))[0]
        name = UFUNCS.get(ufunc.__name__)
        if method == "__call__" and name and not options:
            values = [tensor_of(each, self.values) for each in given]
            found: Any = OnDevice(getattr(the_library(), name)(*values))
        elif method == "reduce" and ufunc is np.add and set(options) <= {"axis", "keepdims"}:
            found = given[0].sum(**({"axis": 0} | options))
        else:
            found = getattr(ufunc, method)(*map(hosted, given), **options)
        if isinstance(out, OnDevice):
            out.values.copy_(tensor_of(found, out.values))
        elif out is not None:
            np.copyto(out, hosted(found))
        return found if out is None else out

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in FUNCTIONS:
            return FUNCTIONS[func](self.values, *args, **kwargs)
        if func in CHANGING or kwargs.get("out") is not None:
            return NotImplemented
        return func(*map(hosted, args), **{name: hosted(each) for name, each in kwargs.items()})

    def sum(self, axis: Any = None, keepdims: bool = False) -> OnDevice:
        """As NumPy's."""
        return OnDevice(self.values.sum(axis, keepdim=keepdims))

    def mean(self, axis: Any = None, keepdims: bool = False) -> OnDevice:
        """As NumPy's."""
        return OnDevice(self.values.mean(axis, keepdim=keepdims))

    def max(self, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
        """As NumPy's."""
        if initial is not None:
            return hosted(self).max(axis, keepdims=keepdims, initial=initial)
        return OnDevice(self.values.amax(() if axis is None else axis, keepdim=keepdims))

    def min(self, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
        """As NumPy's."""
        if initial is not None:
            return hosted(self).min(axis, keepdims=keepdims, initial=initial)
        return OnDevice(self.values.amin(() if axis is None else axis, keepdim=keepdims))

    def any(self, axis: Any = None) -> OnDevice:
        """As NumPy's."""
        return OnDevice(self.values.any() if axis is None else self.values.any(axis))

    def all(self, axis: Any = None) -> OnDevice:
        """As NumPy's."""
        return OnDevice(self.values.all() if axis is None else self.values.all(axis))

    def argmax(self, axis: Any = None) -> OnDevice:
        """As NumPy's."""
        return OnDevice(self.values.argmax(axis))

    def copy(self) -> OnDevice:
        """A copy on the device."""
        return OnDevice(self.values.clone())

    def reshape(self, *shape: Any) -> OnDevice:
        """As NumPy's."""
        return OnDevice(self.values.reshape(*shape))

    def ravel(self) -> OnDevice:
        """As NumPy's."""
        return OnDevice(self.values.reshape(-1))

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """An array of the host where another type is asked for."""
        return self if np.dtype(dtype) == self.dtype else hosted(self).astype(dtype)


def hosted(given: Any) -> Any:
    """The same with arrays of the host in the place of those of a device."""
    if isinstance(given, OnDevice):
        return land(given.values)
    if isinstance(given, list | tuple):
        return type(given)(map(hosted, given))
    return given


def tensor_of(given: Any, like: Any) -> Any:
    """A tensor on the device of `like`: of an array, a number, or what is one."""
    torch = the_library()
    if isinstance(given, OnDevice):
        return given.values
    if isinstance(given, np.ndarray | list | tuple):
        return lift(given, like)
    kind = torch.bool if isinstance(given, bool | np.bool_) else torch.float64
    return torch.full((), given, dtype=kind, device=like.device)


def index_of(places: Any, like: Any) -> Any:
    """An index as a tensor takes it."""
    if isinstance(places, tuple):
        return tuple(index_of(place, like) for place in places)
    if isinstance(places, OnDevice):
        return places.values
    if isinstance(places, np.ndarray | list):
        return lift(np.asarray(places), like)
    return operator.index(places) if isinstance(places, np.integer) else places


def _where(like: Any, mask: Any, a: Any, b: Any) -> OnDevice:
    values = [tensor_of(each, like) for each in (mask, a, b)]
    return OnDevice(the_library().where(values[0].bool(), values[1], values[2]))


def _clip(like: Any, x: Any, low: Any = None, high: Any = None) -> OnDevice:
    torch, values = the_library(), tensor_of(x, like)
    if low is not None:
        values = torch.maximum(values, tensor_of(low, like))
    return OnDevice(values if high is None else torch.minimum(values, tensor_of(high, like)))


def _put_along(like: Any, x: OnDevice, places: Any, new: Any, axis: int) -> None:
    index = tensor_of(places, like)
    values = tensor_of(new, like).to(x.values.dtype)
    x.values.scatter_(axis, index, values.broadcast_to(index.shape))


def _fill_diagonal(like: Any, x: OnDevice, new: Any) -> None:
    x.values.diagonal().copy_(tensor_of(new, like))


def _filled(value: float) -> Callable[..., OnDevice]:
    return lambda like, x: OnDevice(the_library().full_like(x.values, value))


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.shape: lambda like, x: x.shape,
    np.ndim: lambda like, x: x.ndim,
    np.size: lambda like, x: x.size,
    np.copy: lambda like, x: x.copy(),
    np.sum: lambda like, x, axis=None, **options: (
        x.sum(axis, **options) if isinstance(x, OnDevice) else hosted(x).sum(axis, **options)
    ),
    np.where: _where,
    np.clip: _clip,
    np.fill_diagonal: _fill_diagonal,
    np.zeros_like: _filled(0.0),
    np.ones_like: _filled(1.0),
    np.empty_like: _filled(0.0),
    np.broadcast_to: lambda like, x, shape: OnDevice(tensor_of(x, like).broadcast_to(shape)),
    np.vstack: lambda like, parts: OnDevice(
        the_library().vstack([tensor_of(part, like) for part in parts])
    ),
    np.stack: lambda like, parts, axis=0: OnDevice(
        the_library().stack([tensor_of(part, like) for part in parts], axis)
    ),
    np.concatenate: lambda like, parts, axis=0: OnDevice(
        the_library().cat([tensor_of(part, like) for part in parts], axis)
    ),
    np.take_along_axis: lambda like, x, places, axis: OnDevice(
        tensor_of(x, like).gather(axis, tensor_of(places, like))
    ),
    np.put_along_axis: _put_along,
}
