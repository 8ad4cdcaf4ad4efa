"""The application object, and the one place where errors become exit codes.

Nothing heavier than typer is imported here or in the modules that define commands: ``--help`` loads
neither TensorFlow nor numpy, and a test holds that.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from android_bench import __version__
from android_bench.errors import BenchError, ExitCode
from optimizer.errors import OptimizerError

# Looking for plugins in every installed package costs 20 ms a start, and there are none to find.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_OF_THE_FILE_SYSTEM = {
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOSPC,
    errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip


class Commands(TyperGroup):
    """Turns the expected errors of both packages into one message, one hint and an exit code.

    Unexpected exceptions keep their traceback: they are bugs.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except BenchError as error:
            raise _exit(error, error.exit_code) from None
        except OptimizerError as error:
            raise _exit(error, ExitCode.ERROR) from None
        except OSError as error:
            if error.errno not in _OF_THE_FILE_SYSTEM or error.filename is None:
                raise
            raise _exit(_unusable_path(error), ExitCode.ERROR) from None
        except KeyboardInterrupt:
            from android_bench.terminal import console

            console.say("Interrupted. What was recorded so far is kept.")
            raise typer.Exit(INTERRUPTED) from None


def _unusable_path(error: OSError) -> BenchError:
    """A path of the user's that cannot be read or written, or a disk that is full."""
    return BenchError(
        f"{error.filename} cannot be used: {error.strerror}.",
        hint="Check the path, its permissions and the free space. What was recorded so far is kept.",
    )


def _exit(error: BenchError | OptimizerError, code: ExitCode) -> typer.Exit:
    """Show the error; return the exit to raise."""
    from android_bench.terminal import console

    console.complain(str(error), error.hint)
    return typer.Exit(int(code))


app = typer.Typer(
    cls=Commands,
    name="android-bench",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make TensorFlow models small and fast for Android, and measure them on real devices.",
    epilog="Exit codes: 0 fine, 1 error, 2 usage, 3 regressed, 4 inconclusive, 5 device unavailable, "
    f"{INTERRUPTED} interrupted.",
)


def _version(value: bool) -> None:  # noqa: FBT001 (typer calls it with the flag's value)
    if value:
        print(f"android-bench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Make TensorFlow models small and fast for Android, and measure them on real devices."""


def command_line() -> typer.Typer:
    """Return the application with all its commands."""
    for module in (
        "demo",
        "optimize",
        "choose",
        "metadata",
        "metadata_show",
        "metadata_verify",
        "metadata_files",
        "measure",
        "ci",
        "device",
        "emulator",
        "results",
        "export",
        "look",
        "history",
    ):
        importlib.import_module(f"android_bench.cli.{module}")
    return app


def main() -> None:
    """Run the command line; the entry point of the installed command."""
    commands = command_line()
    if "_ANDROID_BENCH_COMPLETE" not in os.environ:  # completion asks for every option
        wanted = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
        _leave_options_out(commands, wanted)
    commands()


def _leave_options_out(commands: typer.Typer, wanted: str | None) -> None:
    """Make a stub with the same help of every command but the one that is wanted.

    typer works out the options of all commands at every start, which takes longer than all imports; only
    the names and the first lines of the others are ever shown.
    """
    for command in commands.registered_commands:
        original = command.callback
        if original is None or wanted == (command.name or original.__name__.replace("_", "-")):
            continue

        def stub() -> None: ...

        stub.__name__, stub.__doc__ = original.__name__, original.__doc__
        command.callback = stub
    for group in commands.registered_groups:
        inner = group.typer_instance
        if inner is not None and wanted != (group.name or inner.info.name):
            inner.registered_commands.clear()
            inner.registered_groups.clear()
