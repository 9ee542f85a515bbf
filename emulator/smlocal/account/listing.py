"""List calls: filters, order, and pages whose tokens survive what is created and deleted between two calls.

A token says after which thing the next page begins, and of which question it is the answer. Sources: API,
ListTrainingJobs and its companions. That a page holds 10 by default is documented for endpoints and transform jobs and
taken for all.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from smlocal.account.ledger import Members
from smlocal.account.office import told
from smlocal.errors import InvalidRequest

_PAGE = 10
_NO_FILTERS = ("NextToken", "MaxResults")


@dataclass(frozen=True)
class Listing:
    """What one List operation gives."""

    answer: str  # the answer's member: "TrainingJobSummaries"
    prefix: str  # of its things' members: "TrainingJob" of TrainingJobName
    members: tuple[str, ...]  # of a summary
    default_order: str = "Descending"
    # API ListTrainingJobs: with StatusEquals the page is taken first and then filtered
    status_thins_pages: bool = False
    never: tuple[str, ...] = ()  # filters for what nothing here has


def page(listing: Listing, things: Iterable[Members], request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of a List call. Raises InvalidRequest for a token that is none of this question's."""
    status = request.get("StatusEquals")
    found = [item for item in things if _passes(listing, item, request)]
    if status is not None and not listing.status_thins_pages:
        found = [item for item in found if item[f"{listing.prefix}Status"] == status]
    descending = (request.get("SortOrder") or listing.default_order) == "Descending"
    by = request.get("SortBy") or "CreationTime"
    placed = sorted(((_place(listing, item, by), item) for item in found), key=lambda pair: pair[0], reverse=descending)
    after = _place_of(request, listing)
    if after is not None:
        placed = [pair for pair in placed if (pair[0] < after if descending else pair[0] > after)]
    size = request.get("MaxResults") or _PAGE
    shown = placed[:size]
    summaries = [told({name: item[name] for name in listing.members if name in item}) for _, item in shown]
    if status is not None:
        summaries = [item for item in summaries if item[f"{listing.prefix}Status"] == status]
    answer: dict[str, Any] = {listing.answer: summaries}
    if len(placed) > size:
        answer["NextToken"] = _token(shown[-1][0], listing, request)
    return answer


def _passes(listing: Listing, item: Members, request: Mapping[str, Any]) -> bool:
    if any(request.get(name) is not None for name in listing.never):
        return False
    return request.get("NameContains", "").lower() in item[f"{listing.prefix}Name"].lower() and all(
        _in_time(item.get(name), request.get(f"{name}After"), request.get(f"{name}Before"))
        for name in ("CreationTime", "LastModifiedTime")
    )


def _in_time(time: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if time is None:
        return True
    return (after is None or time >= _aware(after)) and (before is None or time < _aware(before))


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)


Place = tuple[Any, str]  # what is sorted by, and the name, which tells apart what is alike in that


def _place(listing: Listing, item: Members, by: str) -> Place:
    name = item[f"{listing.prefix}Name"]
    if by == "CreationTime":
        return item["CreationTime"].timestamp(), name
    return (item[f"{listing.prefix}Status"] if by == "Status" else name), name


def _question(listing: Listing, request: Mapping[str, Any]) -> str:
    asked = {name: value for name, value in request.items() if name not in _NO_FILTERS}
    text = json.dumps([listing.answer, asked], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _token(place: Place, listing: Listing, request: Mapping[str, Any]) -> str:
    document = json.dumps([_question(listing, request), *place]).encode()
    return base64.urlsafe_b64encode(document).decode()


def _place_of(request: Mapping[str, Any], listing: Listing) -> Place | None:
    """AWS's words for a token that is none are not known."""
    token = request.get("NextToken")
    if not token:
        return None
    try:
        question, value, name = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise InvalidRequest("The NextToken is not one that smlocal gave.") from error
    by_time = (request.get("SortBy") or "CreationTime") == "CreationTime"
    if question != _question(listing, request) or isinstance(value, str) is by_time:
        raise InvalidRequest("The NextToken belongs to a request with other filters.")
    return value, name


def tags_page(tags: list[dict[str, str]], request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """ListTags's answer, as pairs; its pages have at least 50 tags (API), and the token is the last key."""
    ordered = sorted(tags, key=lambda tag: tag["Key"])
    token = request.get("NextToken")
    rest = [tag for tag in ordered if not token or tag["Key"] > token]
    size = request.get("MaxResults") or 50
    yield "Tags", [dict(tag) for tag in rest[:size]]
    if len(rest) > size:
        yield "NextToken", rest[size - 1]["Key"]
