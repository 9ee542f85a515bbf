"""Every error that smlocal raises, as one tree.

    SmlocalError                    anything below; its text is one sentence for the user
    ├── UsageError                  the caller asked for something wrong            (exit 2)
    │   ├── InvalidRequest          a request that SageMaker would refuse at once (ValidationException)
    │   ├── ResourceNotFound        nothing of this account has that name
    │   ├── ResourceInUse           the name is taken, or what it names is used by something else
    │   ├── ResourceLimitExceeded   the account has as many as it may have
    │   ├── NotSupported            a field, value or feature that smlocal refuses by name
    │   └── SettingsError           an unknown or malformed setting
    ├── JobFailed                   the image, job or request failed                (exit 1)
    │   ├── HostileArchive          an archive with a member that must not be unpacked
    │   │   └── ArchiveTooLarge     ... because it unpacks to more than any model
    │   ├── BrokenArchive           an archive that is none: not gzip, not tar, cut short, damaged
    │   └── EndpointFailed          a model container that did not come up, with SageMaker's text and the cause
    └── CannotRun                   we could not do our own work                    (exit 3)
        ├── EngineUnavailable       no engine answers
        ├── EngineError             the engine refused or broke off an operation
        │   ├── ImageNotFound       the engine has no such image and cannot pull it
        │   ├── ContainerNotStarted the engine could not start the program (missing, not executable)
        │   ├── NotFoundInEngine    no such container, volume, network or path
        │   └── DiskFull            the engine or this machine has no space left
        ├── StorageError            objects could not be read or written
        │   ├── NoSuchBucket
        │   ├── BucketNotEmpty
        │   ├── NoSuchObject
        │   ├── ObjectChanged       it is not the object, or not any more, that the caller expected
        │   └── NoSuchUpload        no such upload in parts, or not any more
        ├── NotPublished            an image did not get to its tag; what was put is removed where that can be
        ├── RegistryError           a registry of images refused or broke off an operation
        │   ├── RegistryUnreachable no complete answer, however often it was asked
        │   ├── RegistryDenied      credentials are missing or wrong, or permission is
        │   ├── NotInRegistry       no such repository, manifest or blob
        │   └── TagIsTaken          an immutable tag that is in use
        └── ConnectionFailed        an HTTP exchange did not complete
            ├── TimedOut            ... within the time that it was given
            ├── NotTrusted          ... because the server's certificate is not one that this machine believes
            └── ResponseTooLarge    ... because the answer's body was longer than allowed

An exception means that smlocal could not do its work; what a container did wrong is a value in its evidence.
"""

from __future__ import annotations


class SmlocalError(Exception):
    """Anything that smlocal raises. `str(error)` is one sentence for the user."""

    exit_code = 3


class UsageError(SmlocalError):
    """The caller asked for something that cannot be."""

    exit_code = 2


class InvalidRequest(UsageError):
    """A request that SageMaker refuses at once; `str()` is the text of its ValidationException."""


class ResourceNotFound(UsageError):
    """Nothing of this account has that name; `str()` is the text of the service's own exception."""


class ResourceInUse(UsageError):
    """The name is taken, or what it names is used by something else; `str()` is the text of ResourceInUse."""


class ResourceLimitExceeded(UsageError):
    """The account has as many as it may have; `str()` is the text of ResourceLimitExceeded."""


class NotSupported(UsageError):
    """A field, value or feature that smlocal does not support, refused by name."""


class SettingsError(UsageError):
    """A setting that is unknown or malformed."""


class JobFailed(SmlocalError):
    """The image, the job or the request failed."""

    exit_code = 1


class HostileArchive(JobFailed):
    """An archive with a member that must not be unpacked; the text names the member."""


class ArchiveTooLarge(HostileArchive):
    """An archive that unpacks to more bytes, members or names than any model has."""


class EndpointFailed(JobFailed):
    """A model container did not come up.

    `failure_reason` is SageMaker's own text, `cause` a sentence that says why, `fix` one that says what to do,
    `log_lines` the end of the container's output.
    """

    def __init__(self, failure_reason: str, cause: str, fix: str, log_lines: tuple[str, ...] = ()) -> None:
        super().__init__(" ".join(part for part in (failure_reason, cause, fix) if part))
        self.failure_reason = failure_reason
        self.cause = cause
        self.fix = fix
        self.log_lines = log_lines


class BrokenArchive(JobFailed):
    """An archive that is none; the text says what is wrong, as the end of "…/model.tar.gz cannot be unpacked: "."""


class CannotRun(SmlocalError):
    """smlocal could not do its own work."""


class EngineUnavailable(CannotRun):
    """No container engine answers."""


class EngineError(CannotRun):
    """The container engine refused or broke off an operation."""


class ImageNotFound(EngineError):
    """The engine has no such image and cannot pull it."""


class ContainerNotStarted(EngineError):
    """The engine could not start the container's program; the text is the engine's own."""


class NotFoundInEngine(EngineError):
    """No such container, volume, network or path in the engine."""


class DiskFull(EngineError):
    """The engine, or this machine, has no space left."""


class StorageError(CannotRun):
    """Objects could not be read or written."""


class NoSuchBucket(StorageError):
    """The bucket does not exist."""


class NoSuchObject(StorageError):
    """The object does not exist."""


class BucketNotEmpty(StorageError):
    """The bucket still has objects."""


class ObjectChanged(StorageError):
    """The object is not, or not any more, the one that the caller expected."""


class NoSuchUpload(StorageError):
    """There is no such upload in parts, or not any more."""


class NotPublished(CannotRun):
    """An image was not published. `step` is where it failed (`gate.publish.STEPS`), `why` a sentence that says why and
    what mends it, `standing` one that says what is in the registry now; what failed is its `__cause__`.
    """

    def __init__(self, step: str, why: str, standing: str) -> None:
        super().__init__(f"not published ({step}): {why}. {standing}")
        self.step = step
        self.why = why
        self.standing = standing


class RegistryError(CannotRun):
    """A registry of images refused or broke off an operation."""


class RegistryUnreachable(RegistryError):
    """A registry gave no complete answer, however often it was asked."""


class RegistryDenied(RegistryError):
    """A registry refused for credentials that are missing or wrong, or for want of permission."""


class NotInRegistry(RegistryError):
    """No such repository, manifest or blob in the registry."""


class TagIsTaken(RegistryError):
    """The tag is immutable and in use."""


class ConnectionFailed(CannotRun):
    """An HTTP exchange did not complete."""


class TimedOut(ConnectionFailed):
    """An HTTP exchange did not complete within the time that it was given."""


class NotTrusted(ConnectionFailed):
    """An HTTP exchange was not begun, because the server's certificate could not be verified."""


class ResponseTooLarge(ConnectionFailed):
    """An HTTP exchange was broken off because the answer's body was longer than allowed."""
