"""Any value of a model type, for hypothesis: built from the type's own fields, so that a new field is covered without a change here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)  # surrogates are not UTF-8
_NUMBERS = st.integers(-(2**63), 2**63 - 1)
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)
_SIMPLE: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.NoneType: st.none(),
    inspect.BoolType: st.booleans(),
    inspect.IntType: _NUMBERS,
    inspect.StrType: _TEXTS,
    inspect.AnyType: _JSON,
    inspect.DateTimeType: st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),
    inspect.DateType: st.dates(),
    inspect.TimeType: st.times(),
    inspect.TimeDeltaType: st.timedeltas(timedelta(0), timedelta(days=400)),
}


def any_of(type_: Any) -> st.SearchStrategy[Any]:
    return _strategy(inspect.type_info(type_))


def _strategy(info: inspect.Type) -> st.SearchStrategy[Any]:
    match info:
        case inspect.StructType():
            return st.builds(info.cls, **{field.name: _strategy(field.type) for field in info.fields})
        case inspect.EnumType():
            return st.sampled_from(info.cls)
        case inspect.UnionType():
            return st.one_of(*(_strategy(one) for one in info.types))
        case inspect.VarTupleType():
            return st.lists(_strategy(info.item_type), max_size=2).map(tuple)
        case inspect.TupleType():
            return st.tuples(*(_strategy(one) for one in info.item_types))
        case inspect.DictType():
            return st.dictionaries(_strategy(info.key_type), _strategy(info.value_type), max_size=2)
        case _:
            return _SIMPLE[type(info)]
