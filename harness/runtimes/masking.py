"""Blots secrets out of what an agent prints, before any of it is kept or shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from mlebench_data.harness.runtimes.log_pump import OutputStream

#: Stands for a secret wherever one is not shown.
MASK = "***"
#: A shorter text is no secret: `--secret DEBUG` with the value 1 must not blot out every 1.
LEAST_LENGTH = 6


class Mask:
    """Replaces secrets in output that comes in pieces, which may cut them anywhere.

    However the output is cut into pieces, the result is the same: the first secret is replaced, the
    longest where several begin there, and so on behind it. What may be the beginning of a secret is
    held back until more has come.

    Parameters
    ----------
    secrets : iterable of str
        Values that must not be seen. Each is found as it is, as it stands within quotes in JSON
        and in Python's representation, and quoted for an address; of a value with several lines,
        each line too. Those shorter than `LEAST_LENGTH` characters are left alone.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form.encode("utf-8", "surrogateescape") for form in _forms(secrets)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms)))
        self._held = b""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be replaced."""
        return not self._forms

    def feed(self, data: bytes) -> bytes:
        """Take more output; return what is certain by now."""
        if self.is_empty:
            return data
        data = self._held + data
        done: list[bytes] = []
        place = 0
        certain = self._certain(data, place)
        while (match := self._pattern.search(data, place)) and match.start() < certain:
            done += [data[place : match.start()], MASK.encode()]
            place = match.end()
            if place > certain:
                certain = self._certain(data, place)
        self._held = data[certain:]
        return b"".join([*done, data[place:certain]])

    def rest(self) -> bytes:
        """Return what was held back, once no more comes; most of a secret is not shown either."""
        held, self._held = self._held, b""
        return MASK.encode() if len(held) >= LEAST_LENGTH else held

    def _certain(self, data: bytes, place: int) -> int:
        """Return from where on, after a place, all that there is may begin a longer secret."""
        found = len(data)
        for form in self._forms:
            start = max(place, len(data) - len(form) + 1)
            while (start := data.find(form[:1], start, found)) >= 0:
                if form.startswith(data[start:]):
                    found = start
                    break
                start += 1
        return found


class MaskedStream:
    """Output of a program without the secrets in it.

    Parameters
    ----------
    stream : OutputStream
        The output.
    secrets : iterable of str
        What must not be seen; see `Mask`.
    """

    def __init__(self, stream: OutputStream, secrets: Iterable[str]) -> None:
        self._stream = stream
        self._mask = Mask(secrets)

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                if data := self._mask.feed(chunk):
                    yield data
        except Exception:
            if rest := self._mask.rest():
                yield rest
            raise
        if rest := self._mask.rest():
            yield rest

    def close(self) -> None:
        """End the stream."""
        self._stream.close()


def _forms(secrets: Iterable[str]) -> Iterator[str]:
    """Yield each form in which a secret is looked for."""
    for secret in secrets:
        for text in (secret, *secret.splitlines()):
            plain = text.strip()
            if len(plain) < LEAST_LENGTH:
                continue
            yield plain
            yield json.dumps(plain)[1:-1]
            yield json.dumps(plain, ensure_ascii=False)[1:-1]
            yield repr(plain)[1:-1]
            yield quote(plain, safe="", errors="surrogateescape")
