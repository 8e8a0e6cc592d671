"""The commands and their options."""

from __future__ import annotations

from typing import Any

import click

from leastwise import __version__

FIT_EXAMPLES = """\b
Examples:
  leastwise fit houses.parquet --target price
  leastwise fit houses.csv --target price --category zipcode --exclude id,date
  leastwise fit houses.csv --target price --l1 100 --holdout 0.2 --report houses.html
  leastwise fit houses.csv --target price --save price.json

\b
Exit codes: 0 done; 1 the data; 2 the call; 3 not converged (all is printed and written);
70 an error in leastwise; 130 interrupted."""

PREDICT_EXAMPLES = """\b
Examples:
  leastwise predict price.json new.csv -o prices.csv
  leastwise predict price.json new.parquet -o prices.parquet
  leastwise predict price.json new.csv | head"""


class _Commands(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            there = " and ".join(sorted(self.commands))
            raise click.UsageError(f"No such command {args[0]!r}: there are {there}.", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="leastwise fit --help and leastwise predict --help show examples.",
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


@leastwise.command(epilog=FIT_EXAMPLES)
@click.argument("file")
@click.option("--target", "-t", multiple=True, metavar="NAME", help="The column to predict.")
@click.option(
    "--features", multiple=True, metavar="A,B", help="Columns to predict from. [default: all]"
)
@click.option("--exclude", multiple=True, metavar="A,B", help="Columns to leave out.")
@click.option(
    "--category",
    multiple=True,
    metavar="A,B",
    help="Columns of numbers that are names, such as a zipcode.",
)
@click.option(
    "--weight",
    multiple=True,
    callback=_once,
    metavar="NAME",
    help="The column of the rows' weights.",
)
@click.option(
    "--missing",
    type=click.Choice(["drop", "error"]),
    default="drop",
    show_default=True,
    help="What to do with rows that have a missing value.",
)
@click.option(
    "--l1",
    type=float,
    default=0.0,
    metavar="X",
    help="Strength of the l1 penalty (lasso), in y's unit times x's.",
)
@click.option(
    "--l2", type=float, default=0.0, metavar="X", help="Strength of the l2 penalty (ridge)."
)
@click.option("--solver", default="auto", show_default=True, metavar="S", help="How to solve it.")
@click.option(
    "--tol", type=float, default=1e-9, show_default=True, metavar="T", help="Relative gap to reach."
)
@click.option("--max-iter", type=click.IntRange(min=1), metavar="N", help="The most iterations.")
@click.option("--memory", metavar="2GB", help="What solving may take beside the data.")
@click.option("--no-intercept", is_flag=True, help="Fit no intercept.")
@click.option("--holdout", type=float, metavar="0.2", help="Share of rows to keep out of the fit.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Which rows are held out.",
)
@click.option("--report", metavar="HTML", help="Write a page about the fit.")
@click.option("--save", metavar="JSON", help="Write the model, which holds no row of the data.")
@click.option("--json", "as_json", is_flag=True, help="Print the model as JSON and nothing else.")
@click.option("--all", "everything", is_flag=True, help="Print every coefficient and finding.")
@click.pass_context
def fit(context: click.Context, **options: Any) -> int:
    """Fit least squares to the table in FILE and certify it.

    FILE is CSV, TSV, Parquet, Arrow, .npy or .npz. Lists of names are separated by commas, or
    the option is given more than once.
    """
    from leastwise.cli.fitting import Options, fit_table

    return fit_table(Options(**options), context.find_root().obj)


@leastwise.command(epilog=PREDICT_EXAMPLES)
@click.argument("model")
@click.argument("file")
@click.option(
    "--output", "-o", metavar="OUT", help="A .csv or .parquet file; CSV on stdout without it."
)
def predict(model: str, file: str, output: str | None) -> int:
    """Predict the rows of the table in FILE with a MODEL that fit --save wrote.

    The predictions are in the order of the rows, nan where a value is missing.
    """
    from leastwise.cli.predicting import predict_table

    return predict_table(model, file, output)
