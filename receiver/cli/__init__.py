"""The `radome` command: one module here a subcommand, whose name ``command`` is a click command."""

from __future__ import annotations

import importlib
import os
import sys
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

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # the reader of our output has gone; nothing is left to say to it. Click would make it a failure
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return 0


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="radome")
def cli() -> None:
    """Radome, a satellite ground-station receiver: IQ in, decoded frames out."""


def main(args: list[str] | None = None) -> None:
    """Run the command line; exit status 0, 2 for what the user must mend, 130 on Ctrl-C."""
    try:
        status = cli.main(args=args, prog_name="radome", standalone_mode=False)
    except RadomeError as error:
        print(f"radome: {error}", file=sys.stderr)
        status = 2
    except click.ClickException as error:
        error.show()
        status = 2
    except (click.Abort, KeyboardInterrupt):
        print("radome: interrupted", file=sys.stderr)
        status = 130
    sys.exit(status if isinstance(status, int) else 0)
