"""The verbs of the command line, one module each: `add_arguments(parser)` and `run(arguments)`.

The first line of a module's docstring is its line in `mlebench --help`.
"""
