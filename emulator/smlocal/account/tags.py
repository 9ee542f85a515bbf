"""AddTags, ListTags and DeleteTags: of whatever thing has that ARN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smlocal.account.ledger import Members
from smlocal.account.listing import tags_page
from smlocal.account.office import Office, Shelf
from smlocal.errors import InvalidRequest, ResourceLimitExceeded

MOST = 50  # of one thing (API: AddTags)
Tag = dict[str, str]


def first_tags(request: Mapping[str, Any]) -> list[Tag]:
    """The tags of a Create request. Raises InvalidRequest, ResourceLimitExceeded."""
    return with_tags([], request.get("Tags") or ())


def with_tags(old: Sequence[Tag], new: Sequence[Mapping[str, str]]) -> list[Tag]:
    """Old tags overwritten by new ones of the same keys. The texts are ours."""
    for tag in new:
        if tag["Key"].lower().startswith("aws:"):
            raise InvalidRequest(f"The tag key {tag['Key']} cannot be used: keys that begin with aws: are AWS's own.")
    kept = {tag["Key"]: tag for tag in old}
    kept.update({tag["Key"]: {"Key": tag["Key"], "Value": tag["Value"]} for tag in new})
    if len(kept) > MOST:
        raise ResourceLimitExceeded(f"A resource can have at most {MOST} tags, and this one would have {len(kept)}.")
    return list(kept.values())


class Tags:
    """The tags of all things of an account."""

    def __init__(self, office: Office, shelves: Sequence[Shelf]) -> None:
        self._office = office
        self._shelves = shelves

    def add(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._office.lock:
            shelf, name, members = self._found(request["ResourceArn"])
            tags = with_tags(members.get("_Tags", ()), request["Tags"])
            shelf.change(name, "tagged", {"_Tags": tags})
        return {"Tags": [dict(tag) for tag in tags]}

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        _, _, members = self._found(request["ResourceArn"])
        return dict(tags_page(members.get("_Tags", []), request))

    def delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        gone = set(request["TagKeys"])
        with self._office.lock:
            shelf, name, members = self._found(request["ResourceArn"])
            left = [tag for tag in members.get("_Tags", ()) if tag["Key"] not in gone]
            shelf.change(name, "untagged", {"_Tags": left})
        return {}

    def _found(self, arn: str) -> tuple[Shelf, str, Members]:
        """AWS's words for a thing that there is not are not known."""
        with self._office.lock:
            for shelf in self._shelves:
                name = shelf.named_by(arn)
                members = shelf.get(name) if name is not None else None
                if name is not None and members is not None:
                    return shelf, name, members
        raise InvalidRequest(f'Could not find resource "{arn}".')
