"""Opening what agents wrote in processes with limits of memory and time.

What an agent left may cost any amount of memory and time to read. So it is read by a process that
is there for this one file, may use so much and no more, and whose end harms nothing.

`client` asks, in the harness; `forkserver` is a warm helper that has imported what is slow to
import and forks; `job` is what the forked process does, one of `tasks`, within `limits`.

A process that starts from nothing would take most of a second to import pandas and the metrics; a
forked one takes some hundredths. To grade small, harmless-looking files in the harness itself would
save those, but then two paths would have to give the same verdicts, and a file that looks harmless
and is not would take the harness with it.
"""
