"""Values of JSON as Arrow columns, converted by Arrow wherever it does what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlebench_data.hub.column_types import Evidence, value_to_type

if TYPE_CHECKING:
    import pyarrow as pa

_LONG = 10**15
"""Numbers from here on are looked at one by one: whole ones may have no double."""


def evidence_of(values: list[Any]) -> Evidence:
    """Return what values of one place of records are.

    Parameters
    ----------
    values : list
        JSON values, None where there is none.
    """
    import pyarrow as pa

    try:
        found = _evidence(pa.array(values), values)
    except (pa.ArrowException, OverflowError, UnicodeError):
        # Of several kinds, or beyond Arrow's numbers.
        found = None
    if found is not None:
        return found
    slow = Evidence()
    for value in values:
        slow.add_value(value)
    return slow


def _evidence(array: pa.Array, values: list[Any]) -> Evidence | None:
    """Judge by the type that Arrow has found, None if that does not say enough."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_null(kind):
        return Evidence()
    if pa.types.is_boolean(kind):
        return Evidence({"boolean"})
    if pa.types.is_string(kind):
        return Evidence({"text"})
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        limits = pc.min_max(array).as_py()
        is_short = limits["min"] is None or (limits["min"] > -_LONG and limits["max"] < _LONG)
        if not is_short:
            return None
        return Evidence({"integer" if pa.types.is_integer(kind) else "float"})
    if pa.types.is_list(kind):
        sample: list[Any] = next((value for value in values if value), [])
        items = _evidence(array.flatten(), sample)
        return None if items is None else Evidence(items=items)
    if not pa.types.is_struct(kind):
        return None
    # Arrow sorts the fields; here they stand as in the first object.
    first: dict[str, Any] = next((value for value in values if value is not None), {})
    parts = dict(zip([part.name for part in kind], array.flatten(), strict=True))
    names = [*(name for name in first if name in parts), *(n for n in parts if n not in first)]
    fields: dict[str, Evidence] = {}
    for name in names:
        inner = [value.get(name) for value in values[:100] if value is not None]
        found = _evidence(parts[name], inner)
        if found is None:
            return None
        fields[name] = found
    return Evidence(fields=fields)


def array_of(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return values as a column of the type that was found for them.

    Parameters
    ----------
    values : list
        JSON values, None where there is none.
    kind : pyarrow.DataType
        The type. Text keeps what a value of another kind was.
    """
    import pyarrow as pa

    try:
        return pa.array(values, type=kind)
    except (pa.ArrowException, OverflowError, UnicodeError):
        return pa.array([value_to_type(value, kind) for value in values], type=kind)
