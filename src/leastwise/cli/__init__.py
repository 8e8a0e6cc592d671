"""The command line: parse, call, print; every failure is one line and an exit code.

| code | what it means |
|---|---|
| 0 | done |
| 1 | the data: a file is missing, cut or cannot be written, a column is absent, too few rows |
| 2 | the call: an unknown option, solver or value, or no target |
| 3 | not converged, or a gradient is wrong; everything was printed and written all the same |
| 70 | an error in leastwise itself |
| 130 | interrupted (Ctrl-C) |
| 141 | whoever read the output has gone |
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

DATA, CALL, INTERNAL, INTERRUPTED, NO_READER = 1, 2, 70, 130, 141

__all__ = ["main", "run"]


def main() -> None:
    """Run the command line that started this process, and end it with the exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Closed by the caller. No `with` (SIM115): this one lasts as long as the process.
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        _forget_stdout()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run `leastwise ARGUMENTS` and return its exit code; errors are said in one line on stderr."""
    from leastwise.errors import LeastwiseError, UsageError

    try:
        return _invoke(arguments)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        _forget_stdout()
        return NO_READER
    except UsageError as error:
        return _fail(str(error), CALL)
    except LeastwiseError as error:
        return _fail(str(error), DATA)
    except MemoryError as error:
        why = str(error) or "the data and the fit take more than there is"
        return _fail(f"not enough memory: {why}; use fewer columns or rows", DATA)
    except Exception as error:
        if os.environ.get("LEASTWISE_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"
        hint = "please report; set LEASTWISE_DEBUG=1 to see the traceback"
        return _fail(f"internal error: {what} ({hint})", INTERNAL)


def _invoke(arguments: Sequence[str]) -> int:
    import click

    from leastwise.cli.commands import leastwise

    try:
        # Not through Command.main, which has its own ideas of interrupts and exit codes.
        with leastwise.make_context("leastwise", list(arguments), obj=tuple(arguments)) as context:
            return int(leastwise.invoke(context) or 0)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        from leastwise.cli.wording import meant

        message = error.format_message().rstrip(".")
        message = message[:1].lower() + message[1:]
        if isinstance(error, click.UsageError) and (better := meant(arguments)):
            message = f"{message.partition(' Did you')[0].rstrip('. ')}: {better}"
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "leastwise"
        return _fail(f"{message} (see {path} --help)", CALL)


def _fail(message: str, code: int) -> int:
    from leastwise.cli.text import complain
    from leastwise.cli.wording import spoken

    complain(spoken(message))
    return code


def _forget_stdout() -> None:
    """Point stdout at nothing, so that Python does not complain when it flushes it at the end."""
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
    except (OSError, ValueError):
        pass
