"""Score the submissions of a run again, without running any agent.

An attempt keeps its record where submission, data and metric are still those of the record, unless
--force is given. A record that is replaced stays beside the new one, as result.N.json.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench_data.harness.commands.arguments import add_data_dir, add_key_file, data_dir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mlebench score`."""
    parser.add_argument("folder", type=Path, metavar="RUN_DIR", help="folder of a run")
    parser.add_argument(
        "--from",
        dest="repositories",
        metavar="SOURCE",
        help="where the answers come from, as for `mlebench run`; DATA_DIR by default",
    )
    parser.add_argument("--force", action="store_true", help="score all again")
    add_data_dir(parser)
    add_key_file(parser)


def run(arguments: argparse.Namespace) -> int:
    """Score, write the records anew and print the table."""
    from mlebench_data.harness.commands.output import console
    from mlebench_data.harness.commands.run import make_source
    from mlebench_data.harness.rescoring import rescore
    from mlebench_data.harness.run_folder import held
    from mlebench_data.harness.summary import print_results, read_results

    people = console()
    folder: Path = arguments.folder
    with (
        held(folder),
        make_source(arguments.repositories, data_dir(arguments), arguments.key_file) as source,
    ):
        changed = rescore(
            folder,
            source,
            force=arguments.force,
            tell=lambda text: people.print(text, markup=False, soft_wrap=True),
        )
    people.print(f"{changed} of the records were written anew", markup=False)
    sys.stderr.flush()
    print_results(read_results(folder))
    return 0
