"""The lock on private files: Parquet modular encryption under a key derived for each file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlebench_data.errors import MlebenchError, SealError
from mlebench_data.hub.derived_keys import VersionKey
from mlebench_data.hub.repository import SealedFile, SealedList

if TYPE_CHECKING:
    from pyarrow import parquet

LIST = "list"
"""Purpose of the keyed digest of a list of sealed files."""

_SMALLEST_STEP = 1 << 16
_LARGEST_STEP = 1 << 24


def padding_length(size: int) -> int:
    """Return how many bytes are added to a sealed file, so that its size says little.

    The size of a file of answers may tell how many of them are "cat" and how many "giraffe". Sizes
    are rounded up to 64 KiB, or to about a sixteenth of a larger file, at most 16 MiB.

    Parameters
    ----------
    size : int
        Bytes without padding.
    """
    step = min(max(_SMALLEST_STEP, 1 << max(size.bit_length() - 4, 0)), _LARGEST_STEP)
    return -size % step


@dataclass(frozen=True)
class Seal:
    """Locks and opens the private files of one version of one competition.

    The cipher is AES-256-GCM over all pages and the footer (`AES_GCM_V1`), so that a file that was
    changed anywhere is refused. Each file has a key of its own, and is bound to competition,
    version and its name a second time by additional authenticated data that is not stored in it.

    Attributes
    ----------
    key : VersionKey
        The key of this version, from a master key or a grant.
    """

    key: VersionKey

    @property
    def competition(self) -> str:
        """Whose files these are."""
        return self.key.competition

    @property
    def version(self) -> str:
        """Version of the data."""
        return self.key.version

    def _context(self, path: str) -> dict[str, Any]:
        return {
            "footer_key": self.key.derive("file", path),
            "aad_prefix": f"mlebench/{self.competition}/{self.version}/{path}".encode(),
        }

    def encryption(self, path: str) -> Any:
        """Return what `pyarrow.parquet.ParquetWriter` needs to seal the file of this path."""
        encryption = _encryption_module()
        return encryption.create_encryption_properties(
            **self._context(path),
            store_aad_prefix=False,
            encryption_algorithm="AES_GCM_V1",
            # A readable footer would show schema, statistics and column sizes.
            plaintext_footer=False,
        )

    def open(self, content: bytes, path: str) -> parquet.ParquetFile:
        """Open a sealed file.

        Parameters
        ----------
        content : bytes
            The file as it lies in the repository.
        path : str
            Its path in the repository.

        Raises
        ------
        SealError
            If it was sealed with another key, for another competition or version, or changed.
            These cannot be told apart here.
        """
        import pyarrow as pa
        from pyarrow import parquet

        encryption = _encryption_module()
        try:
            return parquet.ParquetFile(
                pa.BufferReader(content),
                decryption_properties=encryption.create_decryption_properties(
                    **self._context(path), allow_plaintext_files=False
                ),
            )
        except (OSError, pa.ArrowException) as error:
            raise SealError(
                f"{path} cannot be opened as the sealed answers of {self.competition} "
                f"{self.version}: it was sealed for another competition or version, or is damaged."
            ) from error

    def authenticate(self, text: str, purpose: str = "digest") -> str:
        """Return a keyed digest (hex) of a text.

        Whoever lacks the key cannot check a guess of the text against it, as a bare SHA-256 would
        allow: answers of ten rows of 0 and 1 can be guessed. Nor can they make one for a text of
        their own.

        Parameters
        ----------
        text : str
            The text.
        purpose : str
            What the digest is for: texts of different kinds must not stand in for each other.
        """
        import hmac

        key = self.key.derive(purpose)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def seal_list(seal: Seal, prepared_mac: str, files: list[SealedFile]) -> SealedList:
    """Return the list of a repository's sealed files, with its keyed digest.

    Parameters
    ----------
    seal : Seal
        What sealed them.
    prepared_mac : str
        Keyed digest of the prepared tree's manifest.
    files : list of SealedFile
        The files.
    """
    unsigned = SealedList(
        competition=seal.competition,
        version=seal.version,
        key_id=seal.key.key_id,
        prepared_mac=prepared_mac,
        files=files,
        mac="0" * 64,
    )
    return unsigned.model_copy(update={"mac": seal.authenticate(unsigned.content(), LIST)})


def _encryption_module() -> Any:
    from pyarrow.parquet import encryption

    if not hasattr(encryption, "create_decryption_properties"):
        import pyarrow as pa

        raise MlebenchError(
            f"Sealed files need pyarrow 25 or newer; {pa.__version__} is installed. "
            "Run `pip install -U pyarrow`."
        )
    return encryption
