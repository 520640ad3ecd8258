"""How typed answers are made: declared by their fields, forgiving in what they read."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, ClassVar, Self, TypeVar, get_type_hints

import msgspec

from biofs.api.errors import BadAnswer
from biofs.api.values import (
    LARGEST_ID,
    to_bool,
    to_count,
    to_id,
    to_int,
    to_object,
    to_rows,
    to_text,
    to_texts,
)

Id = Annotated[int, to_id]
"""0 to 2**32-1; an object without it is invalid."""
Count = Annotated[int, to_count]
"""A number of things, bytes or pages: 0 to 2**63-1."""
Integer = Annotated[int, to_int]
Flag = Annotated[bool, to_bool]
Text = Annotated[str, to_text]
"""As the server sent it: escaped where the server escapes."""
Texts = Annotated[tuple[str, ...], to_texts]
Raw = Mapping[str, object]
"""The object as it came: its order, its types, and the fields not known here."""

_Coercion = Callable[[object], object]


class Model(msgspec.Struct, frozen=True, rename="camel"):
    """A typed object of an answer.

    Fields have the API's names in snake case, or those declared with `name`. Values of other
    types are converted (see values); what is missing counts as NULL. Only a missing or invalid id
    is an error.
    """

    action: ClassVar[str] = ""

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a decoded JSON object; raises BadAnswer if it is not one, or lacks its id."""
        fields = value if type(value) is dict else cls._object(value)
        get = fields.get
        values = [
            found if type(found := get(key)) is right else coerce(found)
            for key, right, coerce in _plan(cls)
        ]
        return cls(*values, fields)

    @classmethod
    def _object(cls, value: object) -> Mapping[str, object]:
        fields = to_object(value)
        if fields is None:
            raise cls._bad("is not an object")
        return fields

    @classmethod
    def _bad(cls, problem: str) -> BadAnswer:
        return BadAnswer(cls.action, f"{cls.__name__} {problem}")

    def __repr__(self) -> str:
        # Short, and without the texts: raw objects are large and can hold an authkey or passkey.
        number = getattr(self, "id", None)
        return f"<{type(self).__name__}{'' if number is None else f' {number}'}>"


T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=Model)


def read_rows(
    read: Callable[[object], T], value: object, owner: type[Model], field: str
) -> tuple[list[T], int]:
    """The rows of a list, and how many `read` refused because they are invalid.

    Raises BadAnswer in the name of `owner` if there is no list.
    """
    rows = to_rows(value)
    if rows is None:
        raise owner._bad(f"has no list of {field}")
    return _rows(read, rows)


def rows_of(model: type[ModelT]) -> Callable[[object], list[ModelT]]:
    """A coercion to the rows that are valid; none if there is no list."""

    def coerce(value: object) -> list[ModelT]:
        return _rows(model.from_json, to_rows(value) or ())[0]

    return coerce


def part_of(model: type[ModelT]) -> Callable[[object], ModelT]:
    """A coercion to an object within an object; an empty one if there is none."""

    def coerce(value: object) -> ModelT:
        return model.from_json(to_object(value) or {})

    return coerce


def _rows(read: Callable[[object], T], values: Sequence[object]) -> tuple[list[T], int]:
    rows = []
    skipped = 0
    for value in values:
        try:
            rows.append(read(value))
        except BadAnswer:
            skipped += 1
    return rows, skipped


@functools.cache
def _plan(cls: type[Model]) -> tuple[tuple[str, type | None, _Coercion], ...]:
    """Of each field but the last, which is `raw`: the API's name, a type that needs no coercion
    (it saves half the time of reading a page), and the coercion.
    """
    hints = get_type_hints(cls, include_extras=True)
    names = zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
    plan = []
    for name, key in list(names)[:-1]:
        coerce: _Coercion = hints[name].__metadata__[0]
        if coerce is to_id:
            coerce = _required_id(cls, key)
        plan.append((key, _NEEDS_NO_COERCION.get(coerce), coerce))
    return tuple(plan)


_NEEDS_NO_COERCION: Mapping[_Coercion, type] = {to_text: str, to_bool: bool}


def _required_id(cls: type[Model], key: str) -> _Coercion:
    def coerce(value: object) -> int:
        number = to_id(value)
        if number is None:
            if to_int(value) > LARGEST_ID:
                raise cls._bad(f"cannot be shown: its {key} is above {LARGEST_ID}")
            raise cls._bad(f"has no {key}")
        return number

    return coerce
