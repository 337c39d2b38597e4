"""Follows the location of a pydantic error into the document that was written.

Pydantic mixes the names of union members into its locations: a mistake in `steps[0].to` of a
send step is at ("steps", 0, "send", "to"), although "send" is a key of the step as well. Only
by going along the models can one be told from the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Tag

from digital_cs.catalog.yaml_source import Path


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a location leads: the path in the document and the model around it.

    `choice` is the path of a value that could be of several kinds (a text, or a list of texts),
    and `taken` the kind that this error is about: "model", "list" or "plain".
    """

    path: Path
    part: type[BaseModel]
    choice: Path | None = None
    taken: str | None = None


def follow(model: type[BaseModel], location: tuple[str | int, ...]) -> Spot:
    """The spot of a location in `model`."""
    path: Path = ()
    part, kind = model, model  # type: type[BaseModel], Any
    choice: Path | None = None
    taken: str | None = None
    for step in location:
        kind, members = _members(kind)
        if members is not None and step in members:
            kind = part = members[step]
        elif _is_model(kind):
            part = kind
            path, kind = (*path, step), field_kind(kind, str(step))
        elif get_origin(kind) in (tuple, list):
            path, kind = (*path, step), get_args(kind)[0]
        elif get_origin(kind) is dict:
            path, kind = (*path, step), get_args(kind)[1]
        elif get_origin(kind) in (Union, UnionType):
            choice = path
            taken, kind = _chosen(kind, str(step))
            if _is_model(kind):
                part = kind
    return Spot(path, part, choice, taken)


def keys_of(part: type[BaseModel]) -> list[str]:
    """The keys that a part may have, as they are written."""
    return [info.alias or name for name, info in part.model_fields.items()]


def field_kind(part: type[BaseModel], key: str) -> Any:
    """The annotation of the field that is written as `key`; Any for an unknown key."""
    for name, info in part.model_fields.items():
        if key in (name, info.alias):
            kind: Any = info.annotation
            for extra in info.metadata:
                kind = Annotated[kind, extra]
            return kind
    return Any


def description(part: type[BaseModel], key: str) -> str | None:
    """What the field is for, in words."""
    for name, info in part.model_fields.items():
        if key in (name, info.alias):
            return info.description
    return None


def is_required(part: type[BaseModel], key: str) -> bool:
    """Whether the part cannot do without the key."""
    return any(
        info.is_required() for name, info in part.model_fields.items() if key in (name, info.alias)
    )


def _members(kind: Any) -> tuple[Any, dict[str | int, type[BaseModel]] | None]:
    """The bare annotation, and its members by tag if it is a tagged union."""
    tagged = False
    while True:
        if get_origin(kind) is Annotated:
            kind, *extras = get_args(kind)
            tagged = tagged or any(isinstance(extra, Discriminator) for extra in extras)
            continue
        rest = [each for each in get_args(kind) if each is not type(None)]
        if get_origin(kind) in (Union, UnionType) and len(rest) == 1:
            kind = rest[0]
            continue
        break
    if not tagged:
        return kind, None
    return kind, {_tag(each): get_args(each)[0] for each in get_args(kind)}


def _tag(member: Any) -> str:
    return next(extra.tag for extra in get_args(member)[1:] if isinstance(extra, Tag))


def _chosen(kind: Any, label: str) -> tuple[str, Any]:
    for member in get_args(kind):
        if _is_model(member) and member.__name__ == label:
            return "model", member
        if get_origin(member) is tuple and label.startswith("tuple"):
            return "list", member
    return "plain", Any


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
