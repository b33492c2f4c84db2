"""The command line as a program: how it begins and ends.

Nothing heavy is imported before an interrupt is answered; `archc.commands.app` has the commands.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any

INTERRUPTED = 130


def main() -> None:
    """Run the command line, and exit with its code."""
    handler = signal.getsignal(signal.SIGINT)
    _on_interrupt(handler, _end)
    _fill_descriptors()
    from archc.commands.app import run

    sys.unraisablehook = _unraisable
    _on_interrupt(handler, handler)
    code = run()
    _on_interrupt(handler, _end)
    _close()
    sys.exit(code)


def _on_interrupt(original: Any, handler: Any) -> None:
    """Let an interrupt do something else, unless it is ignored, as in the background."""
    if original is signal.default_int_handler:
        signal.signal(signal.SIGINT, handler)


def _end(*_: object) -> None:
    os._exit(INTERRUPTED)


def _unraisable(unraisable: Any) -> None:
    """End on an interrupt that falls into a callback, which would be printed and forgotten."""
    if unraisable.exc_type is KeyboardInterrupt:
        _end()
    sys.__unraisablehook__(unraisable)


def _fill_descriptors() -> None:
    """Keep the numbers of closed streams: a file that is opened would become one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_RDWR), number)


def _close() -> None:
    """Print what is left, so that nothing fails when Python ends."""
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def __getattr__(name: str) -> Any:
    """Return `app`, made when it is asked for."""
    if name == "app":
        from archc.commands.app import app

        return app
    raise AttributeError(name)


if __name__ == "__main__":
    main()
