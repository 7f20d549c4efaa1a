"""Column types as the dataset card writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_FEATURE = b"feature"
"""Key in a column's metadata: which feature its bytes are."""

FEATURES = ("image", "audio", "video")
"""Features of `datasets` that are stored as bytes and path."""


def image_type() -> pa.DataType:
    """Return the storage type of an image, audio or video column of `datasets`."""
    import pyarrow as pa

    return pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def media_field(name: str, feature: str, *, is_list: bool = False) -> pa.Field:
    """Return a column of files.

    Parameters
    ----------
    name : str
        The column.
    feature : str
        One of `FEATURES`, or "text", "binary", "path".
    is_list : bool
        Whether each row has several files.
    """
    import pyarrow as pa

    if feature in ("text", "path"):
        return pa.field(name, pa.string())
    if feature == "binary" and not is_list:
        return pa.field(name, pa.binary())
    kind = pa.list_(image_type()) if is_list else image_type()
    return pa.field(name, kind, metadata={_FEATURE: feature.encode()})


def card_feature(kind: pa.DataType, feature: str = "image") -> dict[str, Any]:
    """Return one feature in the form that `dataset_info.features` has in a card's YAML.

    Parameters
    ----------
    kind : pyarrow.DataType
        Column type, of those that packing makes.
    feature : str
        What bytes with a path are; files of no feature are written as such.
    """
    import pyarrow as pa

    if kind == image_type() and feature in FEATURES:
        return {"dtype": feature}
    if pa.types.is_struct(kind):
        return {"struct": [{"name": part.name, **card_feature(part.type)} for part in kind]}
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = card_feature(kind.value_type, feature)
        length = {} if pa.types.is_list(kind) else {"length": kind.list_size}
        if "struct" in inner:
            return {"list": inner["struct"], **length}
        return {"list": inner.get("dtype", inner), **length}
    names = {
        pa.float16(): "float16",
        pa.float32(): "float32",
        pa.float64(): "float64",
        pa.bool_(): "bool",
    }
    return {"dtype": names.get(kind, str(kind))}


def card_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return all features of a table in the form of a card's YAML."""
    return [
        {
            "name": part.name,
            **card_feature(part.type, (part.metadata or {}).get(_FEATURE, b"image").decode()),
        }
        for part in schema
    ]
