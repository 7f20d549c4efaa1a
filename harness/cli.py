"""The `mlebench` command: one module of `commands/` for each verb."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mlebench_data import __version__
from mlebench_data.errors import MlebenchError
from mlebench_data.harness.commands import (
    cache,
    check,
    doctor,
    fetch,
    grade,
    images,
    import_,
    info,
    keys,
    lock,
    metrics,
    pack,
    prepare,
    publish,
    report,
    restore,
    run,
    score,
    serve,
    status,
    tail,
    validate,
)
from mlebench_data.harness.commands import list as list_command

# In the order in which a newcomer meets them. Modules import what is heavy only when they run.
COMMANDS = (
    list_command,
    info,
    check,
    fetch,
    import_,
    prepare,
    lock,
    keys,
    pack,
    publish,
    restore,
    cache,
    serve,
    metrics,
    validate,
    grade,
    images,
    doctor,
    run,
    status,
    tail,
    score,
    report,
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="mlebench",
        description="MLE-bench, data first: prepare, lock, run agents, grade.",
        epilog="`mlebench VERB --help` explains a verb. Results go to stdout, the rest to stderr.",
    )
    parser.add_argument("--version", action="version", version=f"mlebench-data {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for command in COMMANDS:
        # `import` is a verb, but cannot be the name of a module.
        name = command.__name__.rpartition(".")[2].removesuffix("_")
        doc = (command.__doc__ or "").strip()
        sub = verbs.add_parser(
            name,
            help=doc.splitlines()[0],
            description=doc,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0 if all went well, 1 if the work or the input failed, 2 for a wrong command line, 130
        after Ctrl-C.
    """
    arguments = build_parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except MlebenchError as error:
        print(f"mlebench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mlebench: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has seen enough (`mlebench list | head`).
        sys.stderr.close()
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
