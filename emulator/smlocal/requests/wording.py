"""The texts of a refused request, as AWS words them.

Observed of SageMaker: the frame, pattern, length and enum texts (aws/sagemaker-python-sdk#384, 2018;
zenml-io/zenml#1502, 2023), two faults joined by "; " (same), a list's path `inputDataConfig.1.member.inputMode`
(a log of 2025-10), a map named whole with "Map value must satisfy constraint: [...]" listing every constraint of the
value (aws-samples/amazon-sagemaker-pytorch-detectron2#10, 2022), and the size of a map
(aws/sagemaker-python-sdk#6016, 2026). General AWS format, seen of other services only: "Map keys", a list of strings
named whole, "Value null", the bounds of a number. Types and unknown members never reach the service from boto3 or the
AWS CLI; their texts are botocore's own (its `validate` module).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smlocal.requests.shapes import Shape

LONGEST_ECHO = 4096  # ours: AWS repeats a value of any length


def faults(found: Sequence[str]) -> str:
    """The message of a ValidationException with these faults."""
    noun = "error" if len(found) == 1 else "errors"
    return f"{len(found)} validation {noun} detected: {'; '.join(found)}"


def fault(value: object, path: str, constraint: str) -> str:
    return f"Value '{_cut(_java(value))}' at '{path}' failed to satisfy constraint: {constraint}"


def absent(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def service_path(above: str, member: str) -> str:
    """'resourceConfig' and 'InstanceType' make 'resourceConfig.instanceType'."""
    name = member[:1].lower() + member[1:]
    return f"{above}.{name}" if above else name


def pattern(shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {shape.pattern}"


def enumeration(shape: Shape) -> str:
    """AWS's order is not the model's and changes; the model's is used."""
    return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def longest(limit: int) -> str:
    return f"Member must have length less than or equal to {limit}"


def shortest(limit: int) -> str:
    return f"Member must have length greater than or equal to {limit}"


def greatest(limit: int) -> str:
    return f"Member must have value less than or equal to {limit}"


def least(limit: int) -> str:
    return f"Member must have value greater than or equal to {limit}"


def every_constraint(shape: Shape) -> str:
    """All constraints of a list's or map's string, in AWS's order, as "[..., ...]"."""
    texts = []
    if shape.maximum is not None:
        texts.append(longest(shape.maximum))
    if shape.minimum is not None:
        texts.append(shortest(shape.minimum))
    if shape.pattern is not None:
        texts.append(pattern(shape))
    if shape.enum:
        texts.append(enumeration(shape))
    return f"[{', '.join(texts)}]"


def wrong_type(path: str, value: object, allowed: Sequence[type]) -> str:
    kinds = ", ".join(str(kind) for kind in allowed)
    return (
        f"Invalid type for parameter {path or 'input'}, value: {_cut(str(value))}, type: {type(value)},"
        f" valid types: {kinds}"
    )


def no_text(path: str, value: str) -> str:
    """boto3 cannot send it either, and says no more than a codec's error; the text is ours."""
    return (
        f"Invalid value for parameter {path}, value: {_cut(value)}: it has half of a surrogate pair or"
        " bytes that are no text, and a request is UTF-8"
    )


def encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold written out, as \\ud800."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def unknown_member(path: str, name: object, known: Sequence[str]) -> str:
    return f'Unknown parameter in {path or "input"}: "{_cut(str(name))}", must be one of: {", ".join(known)}'


def client_side(found: Sequence[str]) -> str:
    """botocore puts one on each line; here they are one sentence."""
    return f"Parameter validation failed: {'; '.join(found)}"


def _java(value: object) -> str:
    """The value as Java's toString shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_java(item) for item in value) + "]"
    return str(value)


def _cut(text: str) -> str:
    text = encodable(text)
    return text if len(text) <= LONGEST_ECHO else text[:LONGEST_ECHO] + "…"
