"""A plan: what a problem asks of every solver, as rows and as a table to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from leastwise.errors import UsageError
from leastwise.planning.choosing import amount, candidates, choose
from leastwise.planning.speed import INDEXED, measured
from leastwise.problem import Problem
from leastwise.shape import Shape

WIDEST = 100  # characters of a line of the table
TIMES = (("days", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3))


@dataclass(frozen=True)
class Row:
    """What the problem asks of one solver.

    Parameters
    ----------
    solver : its name
    bytes : peak memory beside the data ; most : where the data may ask for more, at most how much
    passes : over the data, at most ; flops : all of them, 4 a stored number in a pass
    seconds : on this machine, as long as all the passes take
    refused : why it cannot take the problem ; fits : whether it may have the memory
    approximate : whether it nears the optimum without end; passes and seconds are then no promise
    auto : whether solver="auto" takes it
    """

    solver: str
    bytes: int
    most: int
    passes: float
    flops: float
    seconds: float
    refused: str | None
    fits: bool
    approximate: bool
    auto: bool


@dataclass(frozen=True)
class Plan:
    """What a fit will need, solver by solver, before it runs; iterating gives the rows.

    Parameters
    ----------
    rows, columns, outputs, stored : n, p, k and the numbers that X holds
    sparse : whether X is ; data_bytes : of X and y
    memory : bytes that a fit may take beside the data
    gram_bytes : of one p x p matrix ; gram_bytes_float32 : if it were of float32, which leastwise
        never sums in ; vector_bytes : of two vectors of p, a w and its gradient
    pass_flops : 4 a stored number: a step of gradient descent, or a sweep of coordinate descent
    auto : the solver that solver="auto" takes, None where none can ; why, in a sentence
    solvers : a row for each
    """

    rows: int
    columns: int
    outputs: int
    stored: int
    sparse: bool
    loss: str
    data_bytes: int
    memory: int
    gram_bytes: int
    gram_bytes_float32: int
    vector_bytes: int
    pass_flops: float
    auto: str | None
    why: str
    solvers: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.solvers)

    def __getitem__(self, name: str) -> Row:
        """The row of the solver of this name.

        Raises
        ------
        KeyError
            There is none.
        """
        found = {row.solver: row for row in self.solvers}
        return found[name]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain numbers, texts and lists."""
        return asdict(self)

    def to_json(self) -> str:
        """All of it as JSON."""
        return json.dumps(self.to_dict(), indent=1)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        kind = f"sparse, {self.stored:,} numbers stored" if self.sparse else "dense"
        yield f"{self.rows:,} rows of {self.columns:,} columns ({kind}), {self.loss} loss"
        yield f"the data           {amount(self.data_bytes)}"
        yield f"a fit may take     {amount(self.memory)} beside them"
        yield (
            f"one p x p matrix   {amount(self.gram_bytes)} of float64 "
            f"({amount(self.gram_bytes_float32)} of float32, in which leastwise sums nothing)"
        )
        unit, name = (1e6, "MB") if self.vector_bytes >= 1e5 else (1e3, "KB")
        yield f"w and a gradient   {self.vector_bytes / unit:.3g} {name}"
        yield f"a pass over X      {self.pass_flops:.3g} flops, as a step or a sweep over the rows"
        yield f"auto               {self.auto or 'none'}: {self.why}"
        yield ""
        heads = ("memory", 11), ("at most", 13), ("passes", 11), ("flops", 11), ("time", 10)
        yield f"{'solver':<22}" + "".join(f"{head:>{width}}" for head, width in heads)
        yield from map(_line, self.solvers)
        yield ""
        yield "Times are at this machine's speeds; auto compares at fixed ones, so that it"
        yield "chooses alike on every machine."


def _line(row: Row) -> str:
    start = f"{row.solver:<22}"
    if row.refused is not None:
        return f"{start} refuses: {row.refused}"
    passes = "endless" if row.approximate else f"{row.passes:,.0f}"
    flops, time = ("-", "-") if row.approximate else (f"{row.flops:.2g}", _duration(row.seconds))
    most = amount(row.most) if row.most > row.bytes else ""
    mark = "  auto" if row.auto else "" if row.fits else "  too large"
    return f"{start}{amount(row.bytes):>11}  {most:>11}  {passes:>9}  {flops:>9}  {time:>8}{mark}"


def _duration(seconds: float) -> str:
    """A time for a reader.

    Examples
    --------
    >>> _duration(0.0012), _duration(0.11), _duration(75.0), _duration(400_000.0)
    ('1.2 ms', '110 ms', '1.2 min', '4.6 days')
    """
    unit, size = next((each for each in TIMES if seconds >= each[1]), TIMES[-1])
    count = seconds / size
    return f"{count:.2g} {unit}" if count < 99.5 else f"{count:,.0f} {unit}"


def plan_of(problem: Problem) -> Plan:
    """What a problem asks of every solver; nothing is read, and the memory is its own.

    Parameters
    ----------
    problem : over rows, or over sizes alone (`leastwise.sources.Sizes`)
    """
    shape = problem.shape
    speed = measured()
    try:
        choice = choose(problem, "auto")
        auto, why = choice.name, choice.why
    except UsageError as error:
        auto, why = None, str(error)
    rows = [
        Row(
            each.name,
            each.cost.bytes,
            each.cost.bytes if each.cost.most is None else each.cost.most,
            each.cost.passes,
            each.cost.flops + 4.0 * each.cost.passes * shape.stored,
            speed.seconds(each.cost, shape),
            each.refused,
            each.cost.bytes <= problem.memory,
            each.solver.approximate,
            each.name == auto,
        )
        for each in candidates(problem)
    ]
    square = shape.columns**2
    return Plan(
        shape.rows,
        shape.columns,
        shape.outputs,
        shape.stored,
        shape.sparse,
        problem.design.loss.name,
        _data_bytes(shape),
        problem.memory,
        8 * square,
        4 * square,
        2 * 8 * shape.columns * shape.outputs,
        4.0 * shape.stored,
        auto,
        why,
        tuple(rows),
    )


def _data_bytes(shape: Shape) -> int:
    """X and y; the indices of a sparse X are of 4 bytes."""
    number = shape.width + INDEXED - 8 if shape.sparse else shape.width
    return number * shape.stored + 8 * shape.rows * shape.outputs
