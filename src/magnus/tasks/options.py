"""Options that several task kinds share. Used by the task kinds."""

from pydantic import BaseModel, ConfigDict


class NoOptions(BaseModel):
    """Steps of the kind have no fields of their own."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
