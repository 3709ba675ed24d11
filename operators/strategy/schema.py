"""The strategy document as a JSON Schema (draft 2020-12), for editors: what may be written where, with descriptions.

It says what one place may hold. What binds places together (whether a position can ever be closed, which values are
known in which section) only `tapeflow strategies validate` knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from operators.indicators.registry import CATALOGUE
from operators.strategy.document import StrategyDocument
from operators.strategy.nodes import RANGES
from operators.strategy.system_variants import SYSTEM_VARIANTS

SCHEMA_ID: Final = "urn:tapeflow:strategy:1"


def document_schema(variants: Iterable[str] = ()) -> dict[str, Any]:
    """The schema. Indicators are kinds, kinds with parameters, and variants: the program's and those named here."""
    schema = StrategyDocument.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    # Python's end of text is not known to other languages
    schema["properties"]["name"]["pattern"] = r"^[A-Za-z0-9_.-]{1,64}$"
    kinds = sorted({name for kind in CATALOGUE.values() for name in (kind.name, *kind.aliases)})
    names = sorted({*kinds, *(variant.name for variant in SYSTEM_VARIANTS), *variants})
    indicator = {
        "description": "a kind (with its defaults), KIND(parameter=value,…), or the name of a variant",
        "anyOf": [
            {"enum": names},
            {"type": "string", "pattern": rf"^\s*({'|'.join(kinds)})\s*\(.*\)\s*$"},
        ],
    }
    for definition in definitions.values():
        if "indicator" in definition.get("properties", {}):
            definition["properties"]["indicator"] = indicator
    definitions["ConditionNode"]["if"] = {"properties": {"op": {"enum": list(RANGES)}}}
    definitions["ConditionNode"]["then"] = {"properties": {"value": {"type": "array"}}}
    definitions["ConditionNode"]["else"] = {"properties": {"value": {"type": "number"}}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}
