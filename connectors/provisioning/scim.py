"""A SCIM 2.0 client: accounts are found by name, then created or brought to how they should stand.

Spec: RFC 7644 §3.3 (create), §3.4.3 (find, with nothing of a person in an address), §3.5.2 (PATCH), §3.7 (bulk)
Why: to look first makes every send repeatable, and needs no table of the server's ids here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import orjson

from connectors.provisioning.messages import Later, Outcome, Parcel, Refused, Settled
from connectors.provisioning.scim_shapes import bulk_request, changes, new_user, search_request
from connectors.provisioning.statuses import outcome_of
from connectors.registry import ScimPush

SCIM = "application/scim+json"
BULK_BATCH = 8
"""A look and an operation for each stay well within one lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    method: str
    path: str
    body: Mapping[str, object]


class ScimDeliverer:
    """See `Deliverer`."""

    def __init__(self, client: httpx.AsyncClient, push: ScimPush, *, creates: bool) -> None:
        self._client = client
        self._push = push
        self._creates = creates

    @property
    def batch(self) -> int:
        """See `Deliverer.batch`."""
        return BULK_BATCH if self._push.bulk else 1

    async def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        """See `Deliverer.deliver`."""
        planned: list[_Call | Settled] = []
        failed: list[Outcome] = []
        accounts: set[object] = set()
        for parcel in parcels:
            if parcel.record.account in accounts:
                break  # it may not be there before the earlier one is done: in the next batch
            accounts.add(parcel.record.account)
            step = await self._plan(parcel)
            if isinstance(step, Later | Refused):
                failed.append(step)
                break
            planned.append(step)
        done = await self._all(planned)
        return [*done, *failed] if len(done) == len(planned) and _well(done) else done

    async def _plan(self, parcel: Parcel) -> _Call | Outcome:
        """What is to be asked for this parcel; settled where nothing is to be done."""
        record = parcel.record
        if record.account is None:
            return Settled()
        found = await self._find(record.account)
        if isinstance(found, Later | Refused):
            return found
        if found is not None:
            path = f"/Users/{quote(found, safe='')}"
            return _Call(method="PATCH", path=path, body=changes(record, self._push.extension))
        if not self._creates or not record.active:
            return Settled()  # an account that is not there is as disabled as it can be
        return _Call(method="POST", path="/Users", body=new_user(record, self._push.extension))

    async def _find(self, account: str) -> str | Later | Refused | None:
        """The server's id of the account; None where it has none of this name."""
        answer = await self._ask("POST", "/Users/.search", search_request(account))
        if not isinstance(answer, dict):
            return answer
        resources = answer.get("Resources") or []
        if not isinstance(resources, list) or len(resources) > 1:
            return Refused("more than one user of this name")
        if not resources:
            return None
        found = resources[0].get("id") if isinstance(resources[0], dict) else None
        return found if isinstance(found, str) and found else Later("a user without id")

    async def _all(self, planned: Sequence[_Call | Settled]) -> list[Outcome]:
        calls = [step for step in planned if isinstance(step, _Call)]
        if self._push.bulk and len(calls) > 1:
            answers = await self._bulk(calls)
        else:
            answers = [await self._one(call) for call in calls]
        outcomes: list[Outcome] = []
        for step in planned:
            if isinstance(step, Settled):
                outcomes.append(step)
                continue
            if not answers:
                break
            outcomes.append(answers.pop(0))
            if not _well(outcomes):
                break
        return outcomes

    async def _one(self, call: _Call) -> Outcome:
        answer = await self._ask(call.method, call.path, call.body)
        return _raced(call, answer if isinstance(answer, Later | Refused) else Settled())

    async def _bulk(self, calls: Sequence[_Call]) -> list[Outcome]:
        """The outcomes that the server tells of, up to the first that failed.

        Why by place: a server answers in the order of the request (RFC 7644 §3.7.3), and says
        nothing of what comes after the failure that made it stop.
        """
        operations: list[Mapping[str, object]] = [
            {"method": call.method, "path": call.path, "data": call.body}
            | ({"bulkId": f"n{place}"} if call.method == "POST" else {})
            for place, call in enumerate(calls)
        ]
        answer = await self._ask("POST", "/Bulk", bulk_request(operations))
        if not isinstance(answer, dict):
            return [answer]
        told = answer.get("Operations")
        if not isinstance(told, list):
            return [Later("an answer without operations")]
        outcomes = [
            _raced(call, outcome_of(_status(entry)))
            for call, entry in zip(calls, told, strict=False)
        ]
        return outcomes or [Later("no operation was told of")]

    async def _ask(
        self, method: str, path: str, body: Mapping[str, object] | None
    ) -> dict[str, object] | Later | Refused:
        headers = {"authorization": f"Bearer {self._push.token}", "accept": SCIM}
        if body is not None:
            headers["content-type"] = SCIM
        content = None if body is None else orjson.dumps(body)
        try:
            response = await self._client.request(
                method, self._push.url.rstrip("/") + path, content=content, headers=headers
            )
            outcome = outcome_of(response.status_code)
            if isinstance(outcome, Later | Refused):
                return outcome
            answer = orjson.loads(response.content) if response.content else {}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as fault:
            return Later(type(fault).__name__)
        return answer if isinstance(answer, dict) else Later("an answer that is no object")


def _raced(call: _Call, outcome: Outcome) -> Outcome:
    """What somebody else did between our look and our call is looked at again."""
    match outcome:
        case Refused("status 409") if call.method == "POST":
            return Later("somebody created it meanwhile")
        case Refused("status 404") if call.method == "PATCH":
            return Later("somebody deleted it meanwhile")
        case _:
            return outcome


def _well(outcomes: Sequence[Outcome]) -> bool:
    return all(isinstance(outcome, Settled) for outcome in outcomes)


def _status(entry: object) -> int:
    """Shape: `"201"`; older servers write a number, or an object with `code` (SCIM 1.1)."""
    status = entry.get("status") if isinstance(entry, dict) else None
    text = str(status)
    return int(text) if text.isascii() and text.isdigit() else 500
