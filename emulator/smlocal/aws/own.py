"""The few answers that SDKs need and moto gets wrong or lacks; everything else of these services goes on to others.

    STS  GetCallerIdentity         an assumed role, from which the SageMaker SDK makes out the execution role
    IAM  SimulatePrincipalPolicy   everything is allowed: nothing here asks whether a role may do what it does
    ECR  GetAuthorizationToken     a token that is good from now for twelve hours

Sources: the API references of the three services; what moto answers was tried with 5.2.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from smlocal.aws.errors import AwsError, Protocol, protocol_of, xml_text
from smlocal.aws.routing import operation_of
from smlocal.aws.signature import query_pairs
from smlocal.aws.wire import Call, Reply, Service

_FORM_BYTES = 1024 * 1024
_SESSION = "SageMaker"
_TEMPORARY = "ASIA"  # how the keys begin that moto's AssumeRole hands out


class OwnAnswers:
    """A Service that answers these operations, and hands on everything else to `others`.

    `registry` is the address that `docker login` is told; None: AWS's own form of it.
    """

    def __init__(
        self, account: str, region: str, role: str, others: Service, clock: Callable[[], datetime],
        registry: str | None = None,
    ) -> None:  # fmt: skip
        self._account = account
        self._region = region
        self._role = role
        self._others = others
        self._clock = clock
        self._registry = registry or f"https://{account}.dkr.ecr.{region}.amazonaws.com"

    async def sts(self, call: Call) -> Reply:
        call, form = await _form_of(call)
        if _value(form, "Action") != "GetCallerIdentity":
            return await self._others(call)
        key = call.scope.access_key_id if call.scope is not None else ""
        if key.startswith(_TEMPORARY):
            known = await self._others(call)
            if b":assumed-role/" in _bytes(known):
                return known  # somebody who has assumed a role is that role
        identity = (
            f"<Arn>arn:aws:sts::{self._account}:assumed-role/{self._role}/{_SESSION}</Arn>"
            f"<UserId>AROASMLOCALROLE00000:{_SESSION}</UserId><Account>{self._account}</Account>"
        )
        return _xml("GetCallerIdentity", identity, "https://sts.amazonaws.com/doc/2011-06-15/", call)

    async def iam(self, call: Call) -> Reply:
        call, form = await _form_of(call)
        if _value(form, "Action") != "SimulatePrincipalPolicy":
            return await self._others(call)
        actions = _members(form, "ActionNames")
        if not actions or not _value(form, "PolicySourceArn"):
            raise AwsError("InvalidInput", "PolicySourceArn and ActionNames must be given.")
        results = "".join(
            f"<member><EvalActionName>{xml_text(action)}</EvalActionName><EvalResourceName>{xml_text(resource)}"
            "</EvalResourceName><EvalDecision>allowed</EvalDecision><MatchedStatements/><MissingContextValues/></member>"
            for action in actions
            for resource in _members(form, "ResourceArns") or ["*"]
        )
        content = f"<IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults>"
        return _xml("SimulatePrincipalPolicy", content, "https://iam.amazonaws.com/doc/2010-05-08/", call)

    async def ecr(self, call: Call) -> Reply:
        if operation_of(call) != "GetAuthorizationToken" or protocol_of(call, "ecr") is not Protocol.JSON_1_1:
            return await self._others(call)
        ids = _registry_ids(await call.read(_FORM_BYTES))
        token = base64.b64encode(b"AWS:smlocal").decode()
        ends = (self._clock() + timedelta(hours=12)).timestamp()
        one = {"authorizationToken": token, "expiresAt": ends, "proxyEndpoint": self._registry}
        body = json.dumps({"authorizationData": [one] * max(len(ids), 1)}).encode()
        return Reply(200, {"Content-Type": Protocol.JSON_1_1.value}, body)


def _registry_ids(body: bytes) -> Sequence[Any]:
    try:
        found = json.loads(body or b"{}").get("registryIds") or []
    except (ValueError, AttributeError) as error:
        raise AwsError("SerializationException", "The body is no JSON object.") from error
    return found if isinstance(found, list) else []


async def _form_of(call: Call) -> tuple[Call, list[tuple[str, str]]]:
    """The parameters of a call of the query protocol, and the call for the next reader."""
    body = await call.read(_FORM_BYTES)
    text = body.decode("utf-8", "replace") if call.method == "POST" else call.query
    return call.with_body(body), query_pairs(text)


def _value(form: Sequence[tuple[str, str]], name: str) -> str:
    return next((value for key, value in form if key == name), "")


def _members(form: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in form if key.startswith(f"{name}.member.")]


def _bytes(reply: Reply) -> bytes:
    return reply.body if isinstance(reply.body, bytes) else b""


def _xml(operation: str, content: str, namespace: str, call: Call) -> Reply:
    text = (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{content}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{call.request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Reply(200, {"Content-Type": "text/xml"}, text.encode())
