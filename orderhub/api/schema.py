"""What the schema says beyond the views: that each call may be answered by a problem, and what a body holds."""

from __future__ import annotations

from typing import Any

#: What any address may answer when it does not do what is asked.
REFUSALS = ("400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429")
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
        "allowed": {"type": "array", "items": {"type": "string"}},
    },
}
TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 200}


def body(*needed: str, **fields: dict[str, Any]) -> dict[str, Any]:
    """A JSON body of these fields, for `extend_schema(request=…)`."""
    shape: dict[str, Any] = {"type": "object", "properties": fields}
    return {"application/json": {**shape, "required": list(needed)} if needed else shape}


def with_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Every operation of the schema with its refusals."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    refusal = {
        "description": "problem",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for methods in result["paths"].values():
        for operation in methods.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].update(dict.fromkeys(REFUSALS, refusal))
    return result
