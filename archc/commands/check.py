"""`archc check`: whether specs are right in every variant, and their published figures hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from archc import api, zoo
from archc.backends.findings import FORMATS, Finding, Once, summary
from archc.backends.table import claims, text
from archc.commands.common import (
    USAGE,
    WRONG,
    AllowOpt,
    ForceOpt,
    InputOpt,
    OutputOpt,
    OutputsOpt,
    SetOpt,
    VariantOpt,
    deliver,
    names_of,
    option_of,
    reason,
    settings_of,
    sourced,
    usage,
)
from archc.commands.terminal import complain, emit, screen, tell
from archc.diagnostics import Source, SpecError, errors
from archc.escaping import json_text
from archc.language.reading import SPEC, read
from archc.passes.claims import held

SUFFIXES = (".yaml", ".yml")

SpecsArg = Annotated[
    list[str],
    typer.Argument(
        metavar="SPEC...",
        help="Spec files, folders with some, `-` for standard input, or networks of the zoo.",
        show_default=False,
    ),
]
ClaimsOpt = Annotated[
    bool,
    typer.Option(
        "--claims",
        help="List the published figures and what became of each; one that does not hold is an error.",
    ),
]


def check(
    specs: SpecsArg,
    variant: VariantOpt = None,
    sets: SetOpt = None,
    sizes: InputOpt = None,
    outputs: OutputsOpt = None,
    allow_ops: AllowOpt = False,
    listed: ClaimsOpt = False,
    only: Annotated[
        bool, typer.Option("--only-specs", help="Leave out files without `archc:`, as in folders.")
    ] = False,
    form: Annotated[str, typer.Option("--format", help=f"text, {', '.join(FORMATS)}")] = "text",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print no line where all is good.")
    ] = False,
    output: OutputOpt = None,
    force: ForceOpt = False,
) -> None:
    """Check specs: every variant of each, or the one named."""
    option_of(("text", *FORMATS), form, "format")
    if listed and form not in ("text", "json"):
        usage("--claims is of --format text and json")
    if output is not None and form == "text" and not listed:
        usage("-o is of --claims, and of the formats for programs; the text goes to standard error")
    if specs.count("-") > 1:
        usage("standard input can be read once")
    options = {"input": sizes, "outputs": names_of(outputs), "allow_ops": allow_ops}
    checking = Checking(variant, settings_of(sets), options, strict=listed)
    files = Files(only=only)
    findings = [checking.file(name) for name in files.named(specs)]
    if listed:
        verdicts = _claims(checking.sources, variant, form, allow_ops=allow_ops)
        deliver(verdicts, output, form, force=force)
    elif form != "text":
        deliver(FORMATS[form](findings), output, form, force=force)
    found = [d for f in findings for d in f.diagnostics]
    if listed or form == "text" or output is not None:
        complain(found)
    for finding in findings:
        if finding.refused:
            tell(f"archc: {finding.refused}")
    if form == "text":
        _close(findings, files.skipped, quiet=quiet or listed)
    if any(f.refused for f in findings):
        raise typer.Exit(USAGE)
    if any(f.wrong for f in findings):
        raise typer.Exit(WRONG)


def _close(findings: list[Finding], skipped: int, *, quiet: bool) -> None:
    """Close a report: errors where the diagnostics are, good news where results go."""
    if any(f.wrong for f in findings):
        tell(f"\n{summary(findings, skipped)}")
    elif not quiet and (not findings or not all(f.refused for f in findings)):
        emit(f"{summary([f for f in findings if not f.refused], skipped)}\n")


@dataclass
class Files:
    """The files that arguments mean; those of folders, and with `only` all, have an `archc:`."""

    only: bool
    skipped: int = 0
    known: set[str] = field(default_factory=set)

    def named(self, specs: list[str]) -> Iterator[str]:
        """Yield each file, once."""
        for spec in specs:
            path = Path(spec)
            if path.is_dir() and zoo.locate(spec)[0] is None:
                before = self.skipped
                inside = [f for f in sorted(_below(path)) if self._is_spec(f)]
                if not inside:
                    left = self.skipped - before
                    known = (
                        f"none of its {left} files has an `archc:`" if left else "no file of YAML"
                    )
                    usage(f"{spec} has no spec: {known}")
                yield from (str(f) for f in inside if self._is_new(f))
            elif not path.is_file() or (
                (not self.only or self._is_spec(path)) and self._is_new(path)
            ):
                yield spec

    def _is_new(self, path: Path) -> bool:
        real = os.path.realpath(path)
        new = real not in self.known
        self.known.add(real)
        return new

    def _is_spec(self, path: Path) -> bool:
        try:
            found = bool(SPEC.search(read(path).text))
        except SpecError as error:
            found = bool(SPEC.search(error.diagnostics[0].span.source.text))
        except OSError:
            found = True  # why it can't be read is said of it
        self.skipped += not found
        return found


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files of YAML in a folder, without those in hidden folders."""
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "node_modules"))]
        yield from (Path(where, name) for name in names if name.endswith(SUFFIXES))


@dataclass
class Checking:
    """Checks one file after the other, all with the same settings."""

    variant: str | None
    settings: dict[str, str]
    options: dict[str, Any]
    strict: bool
    once: Once = field(default_factory=Once)
    sources: list[str | Source] = field(default_factory=list)

    def file(self, spec: str) -> Finding:
        """Check a file; what is wrong with it keeps none of the others from being checked."""
        try:
            source = sourced(spec)
            self.sources.append(source)
            found, variants = api.checked(source, self.variant, self.settings, **self.options)
        except SpecError as error:
            found, variants = list(error.diagnostics), 0
        except BrokenPipeError:
            raise
        except OSError as error:
            return Finding(spec, refused=reason(error), wrong=True)
        if self.strict:
            found = held(found)
        return Finding(spec, self.once.fresh(found), variants, bool(errors(found)))


def _claims(specs: list[str | Source], variant: str | None, form: str, *, allow_ops: bool) -> str:
    """List the published figures of all specs; what is wrong with one is told elsewhere."""
    verdicts = []
    for spec in specs:
        with suppress(SpecError, OSError):
            verdicts += api.judge_claims(spec, variant, allow_ops=allow_ops)
    if form == "json":
        return json_text([v.as_dict() for v in verdicts])
    width, color = screen(printed=True)
    return text(claims("Published figures", verdicts), width, color=color)
