"""Converts fields as users write them to their frozen model. Used for node types and for options of services.

A model is a `msgspec.Struct`; a plugin may have a pydantic model. The type of a field may have a class method `read`,
which takes the written value and raises ValueError with the form that it must have.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct, ValidationError, convert

from magnus.definition.wrong_fields import Complaint, WrongFields, read_special
from magnus.values import Json

Model = TypeVar("Model")


def read(model: type[Model], written: Mapping[str, Json], *, more_fields: Iterable[str] = ()) -> Model:
    """The model of the written fields. Text is converted where the model has a number or a boolean.

    `more_fields` are further fields that are allowed; the fix for a misspelt field suggests them too.

    Raises:
        WrongFields: with all mistakes.
    """
    if not issubclass(model, Struct):
        from magnus.definition.pydantic_fields import read_pydantic  # lazy: models of plugins alone are of that kind

        instance: Model = read_pydantic(model, written, more_fields)
        return instance
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
    """The model of a step, whose `name` is its key and no field. Raises WrongFields with all mistakes."""
    wrong = [Complaint(("name",), "unknown field 'name'", f"leave it out: the step is called '{name}' by its key")]
    complaints = wrong if "name" in written else []
    try:
        step = read(model, {**written, "name": name})
    except WrongFields as error:
        raise WrongFields([*complaints, *error.complaints]) from None
    if complaints:
        raise WrongFields(complaints)
    return step
