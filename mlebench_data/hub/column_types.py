"""Which type a column has, judged by all of its cells."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

# A whole number as a program would write it: what "007", "+7", "1_000" say would be lost.
_INTEGER = r"^(?:0|-?[1-9][0-9]{0,18})$"
# From 16 digits on, a whole number may have no double of the same value.
_LONG_INTEGER = r"^-?[0-9]{16,19}$"
_FLOAT = (
    r"^-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)"
    r"|\.[0-9]+(?:[eE][+-]?[0-9]+)?|inf)$"
)
_BOOLEAN = r"^(?:True|False|true|false|TRUE|FALSE)$"


@dataclass
class Evidence:
    """What has been seen in a column, or in one place of nested values.

    Attributes
    ----------
    kinds : set of str
        Of "boolean", "integer", "long integer", "float", "text". Missing values leave no trace.
    items : Evidence, optional
        What the lists hold, where there are lists.
    fields : dict of str to Evidence, optional
        What the objects hold, where there are objects, by field.
    given : pyarrow.DataType, optional
        The type, where the file's format says it; nothing else is known then.
    """

    kinds: set[str] = field(default_factory=set)
    items: Evidence | None = None
    fields: dict[str, Evidence] | None = None
    given: pa.DataType | None = None

    def _is_empty(self) -> bool:
        return self == Evidence()

    def _judged(self) -> Evidence:
        """Return the evidence that values of the given type would be."""
        import pyarrow as pa

        if self.given is None:
            return self
        if pa.types.is_boolean(self.given):
            return Evidence({"boolean"})
        if pa.types.is_integer(self.given):
            return Evidence({"integer", "long integer"})
        return Evidence({"float" if pa.types.is_floating(self.given) else "text"})

    def merge(self, other: Evidence) -> Evidence:
        """Return what has been seen in both together."""
        if self.given is not None or other.given is not None:
            if self.given == other.given or other._is_empty():
                return self
            if self._is_empty():
                return other
            return self._judged().merge(other._judged())
        items = self.items
        if other.items is not None:
            items = other.items if items is None else items.merge(other.items)
        fields = None
        if self.fields is not None or other.fields is not None:
            fields = dict(self.fields or {})
            for name, evidence in (other.fields or {}).items():
                fields[name] = fields[name].merge(evidence) if name in fields else evidence
        return Evidence(self.kinds | other.kinds, items, fields)

    def add_value(self, value: Any) -> None:
        """Take one JSON value into account."""
        if value is None:
            return
        if isinstance(value, bool):
            self.kinds.add("boolean")
        elif isinstance(value, int):
            in_range = -(2**63) <= value < 2**63
            self.kinds.add("integer" if in_range else "text")
            if abs(value) >= 10**15:
                self.kinds.add("long integer")
        elif isinstance(value, float):
            self.kinds.add("float")
        elif isinstance(value, list):
            self.items = self.items or Evidence()
            for item in value:
                self.items.add_value(item)
        elif isinstance(value, dict):
            self.fields = self.fields if self.fields is not None else {}
            for name, item in value.items():
                self.fields.setdefault(name, Evidence()).add_value(item)
        else:
            self.kinds.add("text")

    def add_cells(self, cells: pa.StringArray) -> None:
        """Take the cells of a CSV column into account; null cells are empty ones."""
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = cells.drop_null()
        if not len(cells) or "text" in self.kinds:
            return
        found = 0
        for kind, pattern in (("boolean", _BOOLEAN), ("integer", _INTEGER), ("float", _FLOAT)):
            matches = pc.match_substring_regex(cells, pattern)
            count = pc.sum(matches).as_py()
            if count:
                self.kinds.add(kind)
                found += count
            if count and kind == "integer":
                whole = cells.filter(matches)
                try:
                    pc.cast(whole, pa.int64())
                except pa.ArrowInvalid:
                    self.kinds.add("text")
                if pc.any(pc.match_substring_regex(whole, _LONG_INTEGER)).as_py():
                    self.kinds.add("long integer")
        if found < len(cells):
            self.kinds.add("text")

    def type(self) -> pa.DataType:
        """Return the narrowest type that keeps everything that was seen.

        Where nothing common keeps it all (a number in one row, text in another), that is text.
        """
        import pyarrow as pa

        if self.given is not None:
            return self.given
        if self.items is not None or self.fields is not None:
            if self.kinds or (self.items is not None and self.fields is not None):
                return pa.string()
            if self.items is not None:
                return pa.list_(self.items.type())
            # Parquet has no objects without fields.
            return (
                pa.struct([(name, item.type()) for name, item in self.fields.items()])
                if self.fields
                else pa.string()
            )
        if self.kinds == {"boolean"}:
            return pa.bool_()
        if self.kinds and self.kinds <= {"integer", "long integer"}:
            return pa.int64()
        if self.kinds and self.kinds <= {"integer", "float"}:
            return pa.float64()
        return pa.string()


def cells_to_type(cells: pa.StringArray, kind: pa.DataType) -> pa.Array:
    """Convert CSV cells to the type that was found for their column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(kind):
        return pc.equal(pc.utf8_lower(cells), "true")
    return pc.cast(cells, kind)


def value_to_type(value: Any, kind: pa.DataType) -> Any:
    """Convert a JSON value to the type that was found for its place; text keeps what it was."""
    import pyarrow as pa

    if value is None:
        return None
    if pa.types.is_list(kind):
        return [value_to_type(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        return {part.name: value_to_type(value.get(part.name), part.type) for part in kind}
    if pa.types.is_string(kind):
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        # Half of a surrogate pair, which JSON can hold, has no place in UTF-8.
        return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if pa.types.is_floating(kind):
        return float(value)
    return value
