"""What the schema says beyond the views: shapes with names, links from one call to the next, and problems everywhere.

A shape is a plain JSON Schema. `named` puts one among the schema's components, so that generated clients have a type of
that name; `link` says which call can follow from an answer, and where its parameters are in it (OpenAPI links).
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter

Shape = dict[str, Any]

#: What any address may answer when it does not do what is asked.
REFUSALS = ("400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429")
WORD: Shape = {"type": "string"}
FLAG: Shape = {"type": "boolean"}
WHOLE: Shape = {"type": "integer"}
FLOAT: Shape = {"type": "number"}
TIME: Shape = {"type": "string", "format": "date-time"}
DAY: Shape = {"type": "string", "format": "date"}
IDENTITY: Shape = {"type": "string", "format": "uuid"}
#: Money is a text, so that no client rounds it.
MONEY: Shape = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
#: Numbers of 18 and 19 digits are texts: JavaScript would round them.
NUMBER: Shape = {"type": "string", "description": "digits or letters; a text, never a number"}
#: What can be stored at all: no NUL.
CLEAN: Shape = {"type": "string", "pattern": r"^[^\x00]*$"}
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": "^[!-~]{8,80}$"},
    OpenApiParameter.HEADER,
    description="The same key and body have the same answer for a day.",
)
NEEDED_KEY = OpenApiParameter(
    "Idempotency-Key", {"type": "string", "pattern": "^[!-~]{8,80}$"}, OpenApiParameter.HEADER, required=True
)
KNOWN = OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)
MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": "^[!-~]"},
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag of what the decision is made on.",
)
#: What a decision is answered with: the version that the next decision names.
ETAG = OpenApiParameter("ETag", str, OpenApiParameter.HEADER, response=[200, 201])

COMPONENTS: dict[str, Shape] = {
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": WORD,
            "title": WORD,
            "status": WHOLE,
            "detail": WORD,
            "errors": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
            "allowed": {"type": "array", "items": WORD},
        },
    }
}
#: {operation: [(status, name, link)]}.
LINKS: dict[str, list[tuple[str, str, Shape]]] = {}

LIMITS = {
    name: {"schema": WHOLE, "description": words}
    for name, words in (
        ("RateLimit-Limit", "calls in a window"),
        ("RateLimit-Remaining", "calls that are left"),
        ("RateLimit-Reset", "seconds until the window begins anew"),
    )
}


def said(most: int = 300) -> Shape:
    """A text that a person writes: at most so many characters, something beside blanks among them.

    Blanks are Python's: the four separators \\x1c to \\x1f, too, which are none to the regular expressions of schemas.
    """
    some = r"^[^\x00]*[^\s\x00\x1c-\x1f\x85][^\x00]*$"
    return {"type": "string", "minLength": 1, "maxLength": most, "pattern": some}


def text(most: int) -> Shape:
    """A text that may be empty."""
    return {**CLEAN, "maxLength": most}


def shape(*optional: str, **fields: Shape) -> Shape:
    """An object of these fields, all of them there but those that are named first."""
    needed = [name for name in fields if name not in optional]
    return {"type": "object", "properties": fields, **({"required": needed} if needed else {})}


def listed(items: Shape, **more: Any) -> Shape:
    """A list; `more` are its limits."""
    return {"type": "array", "items": items, **more}


def maybe(one: Shape) -> Shape:
    """The same or null."""
    if "$ref" in one:
        return {"oneOf": [one, {"type": "null"}]}
    return {**one, "type": [one["type"], "null"]}


def named(name: str, of: Shape) -> Shape:
    """Put a shape among the components; returns the reference to it."""
    COMPONENTS[name] = of
    return {"$ref": f"#/components/schemas/{name}"}


def sent(of: Shape) -> dict[str, Any]:
    """A JSON body, for `extend_schema(request=…)`."""
    return {"application/json": of}


def page(of: Shape) -> Shape:
    """One page of a list: its items, and the cursor of the next page or null."""
    return shape(items=listed(of), next=maybe(WORD))


def link(operation: str, status: int, name: str, to: str, body: Any = None, **parameters: str) -> None:
    """After this answer that call can be made; the values are OpenAPI runtime expressions. `If_Match` is the header."""
    told: Shape = {"operationId": to}
    if parameters:
        told["parameters"] = {
            key.replace("_", "-") if key[0].isupper() else key: at for key, at in parameters.items()
        }
    if body is not None:
        told["requestBody"] = body
    LINKS.setdefault(operation, []).append((str(status), name, told))


def with_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """The schema with its components, links and limits, and every operation with its refusals."""
    result.setdefault("components", {}).setdefault("schemas", {}).update(COMPONENTS)
    refusal = {
        "description": "problem",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for methods in result["paths"].values():
        for operation in methods.values():
            if isinstance(operation, dict) and "responses" in operation:
                _complete(operation)
                operation["responses"].update(
                    {one: refusal for one in REFUSALS if one not in operation["responses"]}
                )
    return result


def _complete(operation: Shape) -> None:
    """Limits and links on what an operation answers, and whether its body is needed."""
    links = LINKS.get(operation["operationId"], ())
    for status, answer in operation["responses"].items():
        answer.setdefault("headers", {}).update(LIMITS)
        if found := {name: told for at, name, told in links if at == status}:
            answer["links"] = found
    content = operation.get("requestBody", {}).get("content", {})
    if any(_needs(one["schema"]) for one in content.values()):
        operation["requestBody"]["required"] = True


def _needs(of: Shape) -> bool:
    """Whether a body of this shape can't be left out."""
    if "$ref" in of:
        return _needs(COMPONENTS[of["$ref"].rsplit("/", 1)[1]])
    return bool(of.get("required")) or ("anyOf" in of and all(_needs(one) for one in of["anyOf"]))
