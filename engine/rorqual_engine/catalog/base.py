"""What every model of the catalog's files has in common."""

from pydantic import BaseModel, ConfigDict


class CatalogModel(BaseModel):
    """Frozen; unknown fields are refused, and so are numbers that are none (NaN, infinity)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
