"""Column types as the dataset card writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def image_type() -> pa.DataType:
    """Return the storage type of an image column of `datasets`."""
    import pyarrow as pa

    return pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def card_feature(kind: pa.DataType) -> dict[str, Any]:
    """Return one feature in the form that `dataset_info.features` has in a card's YAML.

    Parameters
    ----------
    kind : pyarrow.DataType
        Column type, of those that packing makes.
    """
    import pyarrow as pa

    if kind == image_type():
        return {"dtype": "image"}
    if pa.types.is_struct(kind):
        return {"struct": [{"name": part.name, **card_feature(part.type)} for part in kind]}
    if pa.types.is_list(kind):
        inner = card_feature(kind.value_type)
        if "struct" in inner:
            return {"list": inner["struct"]}
        return {"list": inner.get("dtype", inner)}
    names = {pa.float64(): "float64", pa.bool_(): "bool"}
    return {"dtype": names.get(kind, str(kind))}


def card_features(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return all features of a table in the form of a card's YAML."""
    return [{"name": part.name, **card_feature(part.type)} for part in schema]
