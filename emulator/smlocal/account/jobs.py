"""What training and transform jobs have in common: their names, their way through the line, their stop and their end.

A job is run on a thread of its own when the machine has room for its instance (`workers.Room`). Whatever ends smlocal,
`kill -9` or a clean end, the account finds the same when it is opened again: a job that had ended is told as before;
one that waited in the line stands in it again, as AWS would still have it; one that ran is Failed, and says why.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from smlocal.account.images import Images
from smlocal.account.ledger import Members
from smlocal.account.listing import Listing, page
from smlocal.account.office import Office, Shelf, told
from smlocal.account.workers import Turn, Workers
from smlocal.errors import ImageNotFound, InvalidRequest, ResourceInUse, SmlocalError
from smlocal.instances import Granted
from smlocal.journal import INTERNAL_ERROR, Journal
from smlocal.optml import FAILURE_REASON_LENGTH

TERMINAL = ("Completed", "Failed", "Stopped")
_UNDER_WAY = ("_Request", "_Reference", "_Model", "_Begun", "_StopAsked")  # of no use once a job has ended
ENDED_WITH_US = (
    "InternalServerError: smlocal was ended while the job ran, and what the job had not uploaded is lost."
    " Please try again."
)


class Jobs(ABC):
    """All jobs of one kind."""

    spoken: ClassVar[str]  # "training job"
    prefix: ClassVar[str]  # of its members: "TrainingJob"
    listing: ClassVar[Listing]
    not_found: ClassVar[str]  # "{name}" is replaced

    def __init__(self, office: Office, workers: Workers, images: Images, journal: Journal) -> None:
        self.shelf = Shelf(office, self.spoken.replace(" ", "-"))
        self._office = office
        self._workers = workers
        self._images = images
        self._journal = journal
        self._name, self._status = f"{self.prefix}Name", f"{self.prefix}Status"

    # the calls

    def describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return told(self._found(request[self._name]))

    def listed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return page(self.listing, self.shelf.all().values(), request)

    def stop(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Source of the refusal: awslabs/benchmark-ai issue 928, of a training job that was Stopped."""
        name = request[self._name]
        with self._office.lock:
            status = self._found(name)[self._status]
            if status != "InProgress":
                raise InvalidRequest(f"The request was rejected because the {self.spoken} is in status {status}.")
            self.shelf.change(name, "is to stop", {"_StopAsked": True, **self._stopping(name)})
            self._workers.stop(self._key(name))
        return {}

    def _found(self, name: str) -> Members:
        """Raises InvalidRequest, as AWS has it: its own clients take ValidationException for "not found"."""
        members = self.shelf.get(name)
        if members is None:
            raise InvalidRequest(self.not_found.replace("{name}", name))
        return members

    def _refuse_taken(self, name: str) -> None:
        """Runs of the command line in this state folder count, too: a record has room for one run. Source of the text:
        users' logs of CreateTrainingJob; of a transform job by analogy."""
        if self.shelf.is_taken(name) or self._journal.record_of(self.spoken, name) is not None:
            raise ResourceInUse(
                f"{self.spoken.capitalize()} names must be unique within an AWS account and region, and a {self.spoken}"
                f" with this name already exists ({self.shelf.arn(name)})"
            )

    # what a kind says of its own

    @abstractmethod
    def _stopping(self, name: str) -> Members:
        """What a stop that was asked for changes at once."""

    @abstractmethod
    def _waiting(self, name: str) -> Members:
        """What changes when there is no room yet."""

    @abstractmethod
    def _run(self, name: str, members: Members, turn: Turn) -> Members:
        """Run the job; gives the description in which it ended, as the runner has it."""

    @abstractmethod
    def _ending(self, name: str, ended: Members) -> Members:
        """All that changes when a job has ended with such a description, or with part of one."""

    @abstractmethod
    def _granted(self, members: Members) -> Granted:
        """What the machine gives the job. Raises EngineError."""

    # running

    def _key(self, name: str) -> str:
        return f"{self.shelf.kind}/{name}"

    def _start(self, name: str, granted: Granted) -> None:
        self._workers.room.queue(granted)
        self._workers.begin(self._key(name), lambda turn: self._work(name, granted, turn))

    def _work(self, name: str, granted: Granted, turn: Turn) -> None:
        try:
            if self._workers.room.enter(granted, turn.stop.is_set, lambda: self._wait(name)):
                self.shelf.change(name, "begins", {"_Begun": True})
                self._conclude(name, self._run(name, self._found(name), turn), turn)
            elif not turn.closing:
                self._conclude(name, {self._status: "Stopped"}, turn)
        except SmlocalError as error:
            self._break_off(name, self._reason(error))
        except BaseException:
            self._break_off(name, INTERNAL_ERROR)
            raise
        finally:
            self._workers.room.leave(granted)

    def _wait(self, name: str) -> None:
        with self._office.lock:
            if self._found(name)[self._status] == "InProgress":
                self.shelf.change(name, "waits", self._waiting(name))

    def _prepare_image(self, reference: str) -> None:
        """Pull it if need be; the run tells that there is none, as SageMaker does."""
        with contextlib.suppress(ImageNotFound):
            self._images.ensure(reference)

    def _conclude(self, name: str, ended: Members, turn: Turn) -> None:
        """A job that was asked to stop is Stopped, however its program ended (developer guide,
        your-algorithms-training-signal-success-failure); one that smlocal's own end stopped is not."""
        if turn.closing and ended[self._status] == "Stopped":
            self._break_off(name, ENDED_WITH_US)
            return
        with self._office.lock:
            if self._found(name).get("_StopAsked"):
                kept = {key: value for key, value in ended.items() if key != "FailureReason"}
                ended = {**kept, self._status: "Stopped", "SecondaryStatus": "Stopped"}
            self._end(name, ended)

    def _break_off(self, name: str, reason: str) -> None:
        """The end of a job that smlocal could not go on with."""
        with self._office.lock:
            status = {self._status: "Failed", "SecondaryStatus": "Failed"}
            self._end(name, {**status, "FailureReason": reason[:FAILURE_REASON_LENGTH]})

    def _end(self, name: str, ended: Members) -> None:
        changed = self._ending(name, ended)
        self.shelf.change(name, changed[self._status], changed, *_UNDER_WAY, *self._untrue(ended))

    def _untrue(self, ended: Members) -> tuple[str, ...]:
        """Members that were told while the job ran and turned out not to be."""
        return ()

    def _reason(self, error: SmlocalError) -> str:
        """AWS's words for a fault of the platform's own, and what it was."""
        return f"{INTERNAL_ERROR} ({error})"

    # after a start of smlocal

    def resume(self) -> None:
        """Take up what was under way when the account was last open."""
        for name, members in self.shelf.all().items():
            if members[self._status] in TERMINAL:
                continue
            if members.get("_Begun"):
                self._break_off(name, ENDED_WITH_US)
            elif members.get("_StopAsked"):
                self._end(name, {self._status: "Stopped", "SecondaryStatus": "Stopped"})
            else:
                self._take_up(name, members)

    def _take_up(self, name: str, members: Members) -> None:
        try:
            granted = self._granted(members)
        except SmlocalError as error:
            self._break_off(name, self._reason(error))
        else:
            self._start(name, granted)
