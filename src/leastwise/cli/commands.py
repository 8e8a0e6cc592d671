"""The commands and their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from leastwise import __version__

FIT_EXAMPLES = """\b
Examples:
  leastwise fit houses.parquet --target price
  leastwise fit houses.csv --target price --category zipcode --exclude id,date
  leastwise fit houses.csv --target price --l1 100 --holdout 0.2 --report houses.html
  leastwise fit houses.csv --target price --cv --rule 1se --standardize
  leastwise fit houses.csv --target price --save price.json
  leastwise fit houses.csv --target price --loss "quantile(0.9)"
  leastwise fit houses.csv --target price --loss "quantile(0.1,0.5,0.9)" --noncrossing
  leastwise fit patients.csv --target ill --loss logistic --l2 0.01

\b
Exit codes: 0 done; 1 the data; 2 the call; 3 not converged (all is printed and written);
70 an error in leastwise; 130 interrupted."""

PATH_EXAMPLES = """\b
Examples:
  leastwise path houses.parquet --target price --standardize
  leastwise path houses.csv --target price --l1-ratio 0.5 --strengths 50 --report path.html
  leastwise path houses.csv --target price --unpenalised sqft_living --save path.csv

\b
Exit codes: 0 done; 1 the data; 2 the call; 3 not converged at every strength (all is printed
and written); 70 an error in leastwise; 130 interrupted."""

PLAN_EXAMPLES = """\b
Examples:
  leastwise plan houses.parquet --target price --memory 2GB
  leastwise plan --rows 1000000 --columns 100000 --density 0.0001 --l2 1 --memory 2GB
  leastwise plan --rows 60000 --columns 784 --dtype float32 --json"""

PREDICT_EXAMPLES = """\b
Examples:
  leastwise predict price.json new.csv -o prices.csv
  leastwise predict price.json new.parquet -o prices.parquet
  leastwise predict price.json new.csv | head"""

CHECK_EXAMPLES = """\b
Examples:
  leastwise check
  leastwise check --loss "huber(2)" --loss logistic --l2 0.1
  leastwise check houses.csv --target price --category zipcode

\b
Exit codes: 0 every gradient is right; 1 the data; 2 the call; 3 a gradient is wrong (all is
printed); 70 an error in leastwise; 130 interrupted."""

Command = Callable[..., Any]


class _Commands(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            *others, last = sorted(self.commands)
            there = f"{', '.join(others)} and {last}"
            raise click.UsageError(f"No such command {args[0]!r}: there are {there}.", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="leastwise COMMAND --help shows examples.",
)
@click.version_option(__version__, prog_name="leastwise")
@click.pass_context
def leastwise(context: click.Context) -> None:
    """Fit linear models that prove how close they are to their optimum."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def _once(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> str | None:
    """The one value of an option that must not be given twice: the last would win unseen."""
    if len(value) > 1:
        raise click.BadParameter(f"was given {len(value)} times: {', '.join(value)}; name one")
    return value[0] if value else None


def _names(option: str, help: str, *aliases: str) -> Command:
    return click.option(option, *aliases, multiple=True, metavar="A,B", help=help)


def _numbers(option: str, help: str) -> Command:
    return click.option(option, multiple=True, metavar="X|A=X,B=X", help=help)


def _one_name(option: str, help: str) -> Command:
    return click.option(option, multiple=True, callback=_once, metavar="NAME", help=help)


ROWS = (
    click.option("--target", "-t", multiple=True, metavar="NAME", help="The column to predict."),
    _names("--features", "Columns to predict from; a target is left out. [default: all]"),
    _names("--exclude", "Columns to leave out."),
    _names("--category", "Columns of numbers that are names, such as a zipcode."),
    _one_name("--weight", "The column of the rows' weights."),
    click.option(
        "--missing",
        type=click.Choice(["drop", "error"]),
        default="drop",
        show_default=True,
        help="What to do with rows that have a missing value.",
    ),
)
READING = (click.argument("file"), *ROWS)
MEMORY = click.option("--memory", metavar="2GB", help="What solving may take beside the data.")
NO_INTERCEPT = click.option("--no-intercept", is_flag=True, help="Fit no intercept.")
AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print all as JSON and nothing else."
)
PENALTY = (
    click.option(
        "--standardize",
        is_flag=True,
        help="Penalise coefficients in units of their columns' standard deviations.",
    ),
    _numbers("--lower", "Least value of the coefficients: of all (0), or of some (A=0,B=-5)."),
    _numbers("--upper", "Largest value of the coefficients, in the same way."),
    click.option("--positive", is_flag=True, help="Keep every coefficient at 0 or above."),
    _names("--unpenalised", "Columns whose coefficients are not penalised."),
)
SOLVING = (
    click.option(
        "--solver", default="auto", show_default=True, metavar="S", help="How to solve it."
    ),
    click.option(
        "--tol",
        type=float,
        default=1e-9,
        show_default=True,
        metavar="T",
        help="Relative gap to reach.",
    ),
    click.option("--max-iter", type=click.IntRange(min=1), metavar="N", help="Most iterations."),
    MEMORY,
    NO_INTERCEPT,
)
LOSS = (
    click.option(
        "--loss",
        metavar="L",
        help="squared, absolute, quantile(0.9), huber(1.5) or logistic (of two classes or more). "
        "leastwise fit takes several quantiles, quantile(0.1,0.5,0.9). "
        "[default: squared; logistic for a target of text or of true and false]",
    ),
)
FIT_PENALTY = (
    click.option(
        "--l1",
        type=float,
        metavar="X",
        help="Strength of the l1 penalty (lasso), in y's unit times x's.",
    ),
    click.option("--l2", type=float, metavar="X", help="Strength of the l2 penalty (ridge)."),
)
CROSSING = (
    click.option("--cv", is_flag=True, help="Choose the penalty by cross-validation."),
    click.option(
        "--folds",
        metavar="N|loo|gcv",
        help="With --cv: how many, or for a ridge leave one row out, or GCV. [default: 10]",
    ),
    click.option(
        "--rule",
        type=click.Choice(["min", "1se"]),
        help="With --cv: the least error, or the largest strength within a standard error of it.",
    ),
    click.option(
        "--l1-ratio",
        metavar="0.5,1",
        help="With --cv: ratios to try. [default: 0.1,0.5,0.9,1]",
    ),
    click.option(
        "--strengths",
        metavar="N",
        help="With --cv: how many for each ratio, or which (5,2,1). [default: 100]",
    ),
    click.option(
        "--smallest",
        type=float,
        metavar="X",
        help="With --cv: the last strength as a share of the first. [default: 0.001; ridges 1e-8]",
    ),
    _one_name("--group", "With --cv: rows with one value here stay in one fold."),
)
SPLITTING = (
    click.option(
        "--holdout", type=float, metavar="0.2", help="Share of rows to keep out of the fit."
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Which rows are held out, and which are in which fold.",
    ),
)
GRID = (
    click.option(
        "--l1-ratio",
        type=float,
        default=1.0,
        show_default=True,
        metavar="X",
        help="1 for the lasso, 0 for ridge, the elastic net between.",
    ),
    click.option(
        "--strengths",
        default="100",
        show_default=True,
        metavar="N",
        help="How many, from the one that zeroes every coefficient; or which (5,2,1).",
    ),
    click.option(
        "--smallest",
        type=float,
        metavar="X",
        help="The last strength as a share of the first. [default: 0.001; ridges 1e-8]",
    ),
)
WRITING = (
    AS_JSON,
    click.option("--all", "everything", is_flag=True, help="Print every line and finding."),
)


def _options(*groups: tuple[Command, ...]) -> Callable[[Command], Command]:
    """All options of the groups, in their order."""

    def decorated(command: Command) -> Command:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return decorated


@leastwise.command(epilog=FIT_EXAMPLES)
@_options(READING, LOSS, FIT_PENALTY, PENALTY, CROSSING, SOLVING, SPLITTING)
@click.option(
    "--noncrossing",
    is_flag=True,
    help="With several quantiles: none may lie below a lower one in any row.",
)
@click.option("--report", metavar="HTML", help="Write a page about the fit.")
@click.option("--save", metavar="JSON", help="Write the model, which holds no row of the data.")
@_options(WRITING)
@click.pass_context
def fit(context: click.Context, **options: Any) -> int:
    """Fit a linear model to the table in FILE and certify it.

    FILE is CSV, TSV, Parquet, Arrow, .npy or .npz. Lists of names are separated by commas, or
    the option is given more than once.
    """
    from leastwise.cli.fitting import Options, fit_table

    return fit_table(Options(**options), context.find_root().obj)


@leastwise.command(epilog=PATH_EXAMPLES)
@_options(READING, LOSS, GRID, PENALTY, SOLVING)
@click.option("--report", metavar="HTML", help="Write a page about the path.")
@click.option(
    "--save",
    metavar="FILE",
    help="Write the coefficients, a row a strength: .csv, .parquet or .json.",
)
@_options(WRITING)
@click.pass_context
def path(context: click.Context, **options: Any) -> int:
    """Fit the table in FILE along a list of penalty strengths, each certified.

    FILE and lists of names are as in leastwise fit.
    """
    from leastwise.cli.pathing import Options, path_table

    return path_table(Options(**options), context.find_root().obj)


@leastwise.command(epilog=PLAN_EXAMPLES)
@click.argument("file", required=False)
@_options(ROWS)
@click.option("--rows", type=click.IntRange(min=1), metavar="N", help="Without a FILE: its rows.")
@click.option("--columns", type=click.IntRange(min=1), metavar="P", help="And its columns.")
@click.option(
    "--outputs", type=click.IntRange(min=1), metavar="K", help="And targets. [default: 1]"
)
@click.option("--density", type=float, metavar="D", help="Share of X stored, of a sparse one.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), help="What X holds.")
@_options(LOSS)
@click.option("--l1", type=float, default=0.0, metavar="X", help="Strength of the l1 penalty.")
@click.option("--l2", type=float, default=0.0, metavar="X", help="Strength of the l2 penalty.")
@_options((MEMORY, NO_INTERCEPT, AS_JSON))
def plan(file: str | None, **options: Any) -> int:
    """Say what a fit would need before it runs: memory, passes, flops and seconds of each solver.

    Of the table in FILE, whose rows are read and not fitted, or of sizes alone.
    """
    from leastwise.cli.planning import Options, plan_table

    return plan_table(Options(file=file or "", **options))


@leastwise.command(epilog=PREDICT_EXAMPLES)
@click.argument("model")
@click.argument("file")
@click.option(
    "--output", "-o", metavar="OUT", help="A .csv or .parquet file; CSV on stdout without it."
)
def predict(model: str, file: str, output: str | None) -> int:
    """Predict the rows of the table in FILE with a MODEL that fit --save wrote.

    The predictions are in the order of the rows, nan where a value is missing. Of classes they are
    the likeliest one, empty where a value is missing, and the probability of each.
    """
    from leastwise.cli.predicting import predict_table

    return predict_table(model, file, output)


@leastwise.command(epilog=CHECK_EXAMPLES)
@click.argument("file", required=False)
@_options(ROWS)
@click.option(
    "--loss",
    multiple=True,
    metavar="L",
    help="A loss to check, as in leastwise fit; again for more. [default: all that suit]",
)
@_options(FIT_PENALTY)
@click.option("--no-intercept", is_flag=True, help="Check without an intercept.")
@click.option(
    "--rows",
    type=click.IntRange(min=2),
    default=1000,
    show_default=True,
    metavar="N",
    help="How many rows of FILE are taken at most, or how many are drawn.",
)
@click.option(
    "--columns",
    type=click.IntRange(min=1),
    metavar="P",
    help="Without FILE: how many columns are drawn. [default: 5]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Of the point, of the rows that are taken, and of all that is drawn.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all as JSON and nothing else.")
def check(**options: Any) -> int:
    """Check the gradients that solvers go by, on the table in FILE or on random rows.

    At a random point every loss's gradient is compared with central differences and, where PyTorch
    is installed, with autograd.
    """
    from leastwise.cli.checking import Options, check_gradients

    return check_gradients(Options(**options))
