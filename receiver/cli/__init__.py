"""The `radome` command: one module here a subcommand, whose name ``command`` is a click command."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

# numpy's linear algebra is not used, and its threads would spin at every start
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from .. import __version__
from ..errors import RadomeError


class _Commands(click.Group):
    """Finds subcommands by their module, so that one command's imports never slow another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            _check_values(click.Context(command, ctx, name), rest)
        return name, command, rest

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _until_reader_goes():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _until_reader_goes():
            return super().invoke(ctx)


def _check_values(ctx: click.Context, args: list[str]) -> None:
    """Raise RadomeError for an option whose value is empty, such as a shell's variable that is not set makes."""
    try:
        given, _, order = ctx.command.make_parser(ctx).parse_args(list(args))
    except click.UsageError:
        return  # what is wrong is told when they are parsed in earnest
    for option in order:
        value = given.get(option.name or "")
        if isinstance(option, click.Option) and (value == "" or (isinstance(value, list) and "" in value)):
            raise RadomeError(f"{max(option.opts, key=len)}: its value is empty; give one, or leave the option out")


@contextlib.contextmanager
def _until_reader_goes() -> Iterator[None]:
    """End well when the reader of our output has gone, as nothing is left to say to it; click calls it a failure."""
    try:
        yield
    except BrokenPipeError:
        raise click.exceptions.Exit(0) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="radome")
def cli() -> None:
    """Radome, a satellite ground-station receiver: IQ in, decoded frames out."""


class _EndedError(KeyboardInterrupt):
    """Somebody asked by a signal for an end."""

    def __init__(self, number: int, *_: object) -> None:
        super().__init__(number)
        self.number = number


def main(args: list[str] | None = None) -> None:
    """Run the command line; without `args`, as the program, which signals end like Ctrl-C does.

    Exit status 0, 2 for what the user must mend, 130 on Ctrl-C, 143 on SIGTERM, 129 on SIGHUP.
    """
    status: object
    if args is None:
        _open_standard_files()
        _end_on_signals()
    try:
        status = cli.main(args=args, prog_name="radome", standalone_mode=False)
        sys.stdout.flush()
    except RadomeError as error:
        status = _complain(str(error))
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        status = 2
    except (click.Abort, KeyboardInterrupt) as error:
        cause = error if isinstance(error, KeyboardInterrupt) else error.__cause__
        number = cause.number if isinstance(cause, _EndedError) else signal.SIGINT
        _complain("interrupted" if number == signal.SIGINT else "terminated")
        status = 128 + number
    except BrokenPipeError:
        status = 0
    except OSError as error:  # of files and sockets there are others: this is from print
        status = _complain(f"standard output: cannot be written: {error.strerror}")
    _flush()
    sys.exit(status if isinstance(status, int) else 0)


def _complain(text: str) -> int:
    from ..sink.terminal import printable

    log = sys.modules.get("receiver.log")
    if log is not None and log.active():
        log.tell("error", "error", {"message": text})
        return 2
    with contextlib.suppress(OSError):
        print(f"radome: {printable(text)}", file=sys.stderr)
    return 2


def _flush() -> None:
    """Write what is still to be written, or else send it to nowhere, lest Python say so once more at the end."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def _open_standard_files() -> None:
    """Open those of the three that are closed, so that no other file takes their number; to use them still fails."""
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest number that is free
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _end_on_signals() -> None:
    """End as on Ctrl-C, with everything written that was received."""

    def end(number: int, frame: object) -> None:
        raise _EndedError(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # else somebody, such as nohup, wants it otherwise
            signal.signal(number, end)
