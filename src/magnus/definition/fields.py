"""Fields as users write them, to the frozen model of them. Used by the node types and for the options of services.

A model is a `msgspec.Struct`; one of a plugin may be a pydantic model. A field may have a type with a class method
`read`, which takes what is written and raises ValueError that says what must stand there.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct, ValidationError, convert

from magnus.definition.wrong_fields import Complaint, WrongFields, read_special
from magnus.values import Json

Model = TypeVar("Model")


def read(model: type[Model], written: Mapping[str, Json], *, more_fields: Iterable[str] = ()) -> Model:
    """The model of what is written; text stands for a number or a truth value where one is wanted.

    `more_fields` are fields that may be written beside those of the model; they are named where one is misspelt.

    Raises:
        WrongFields: with everything that is wrong.
    """
    if not issubclass(model, Struct):
        from magnus.definition.pydantic_fields import read_pydantic  # lazy: models of plugins alone are of that kind

        made: Model = read_pydantic(model, written, more_fields)
        return made
    try:
        return convert(written, model, strict=False, dec_hook=read_special)
    except ValidationError:
        from magnus.definition.complaints import complaints  # lazy: most files are right

        raise WrongFields(complaints(model, written, tuple(more_fields))) from None


def field_names(model: type[Model]) -> Iterable[str] | None:
    """The names that may be written for the model; None where it takes any."""
    if not issubclass(model, Struct):
        from magnus.definition.pydantic_fields import pydantic_names  # lazy: as above

        return pydantic_names(model)
    return model.__struct_encode_fields__ if model.__struct_config__.forbid_unknown_fields else None


def read_step(model: type[Model], name: str, written: Mapping[str, Json]) -> Model:
    """The same for a step, whose `name` is its key; it is no field. WrongFields with everything that is wrong."""
    wrong = [Complaint(("name",), "unknown field 'name'", f"leave it out: the step is called '{name}' by its key")]
    found = wrong if "name" in written else []
    try:
        made = read(model, {**written, "name": name})
    except WrongFields as error:
        raise WrongFields([*found, *error.complaints]) from None
    if found:
        raise WrongFields(found)
    return made
