"""The command line: commands by name, exit codes, and nothing else.

Exit codes: 0 good, 1 the spec is wrong or a check failed, 2 usage, 3 a defect of archc.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Annotated

import typer

from archc import __version__
from archc.commands.build import build
from archc.commands.check import check
from archc.commands.check_op import check_op
from archc.commands.common import DEFECT, WRONG, complain
from archc.commands.diff import diff
from archc.commands.draw import draw
from archc.commands.listing import list_networks
from archc.commands.paths import paths
from archc.commands.probe import probe
from archc.commands.report import write_report
from archc.commands.schema import schema
from archc.commands.table import show
from archc.commands.trace import trace
from archc.commands.verify import verify
from archc.diagnostics import SpecError

COMMANDS: dict[str, Callable[..., None]] = {
    "build": build,
    "check": check,
    "check-op": check_op,
    "diff": diff,
    "draw": draw,
    "list": list_networks,
    "paths": paths,
    "probe": probe,
    "report": write_report,
    "schema": schema,
    "table": show,
    "trace": trace,
    "verify": verify,
}

app = typer.Typer(
    name="archc",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)
for name, command in COMMANDS.items():
    app.command(name)(command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"archc {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compile vision architectures written in YAML: check, build, draw, tabulate, verify."""


def main() -> None:
    """Run the command line; a defect of ours shows its traceback and exits with 3."""
    try:
        app(prog_name="archc")
    except SpecError as error:  # of a plug-in's op, which fails where it is put to use
        complain(error.diagnostics)
        sys.exit(WRONG)
    except BrokenPipeError:
        sys.stderr.close()
    except Exception:  # noqa: BLE001 - the last resort
        traceback.print_exc()
        print(
            "archc: this is a defect of archc, not of your spec; please report it with the lines above",
            file=sys.stderr,
        )
        sys.exit(DEFECT)


if __name__ == "__main__":
    main()
