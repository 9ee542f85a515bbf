"""What a push has put into a repository, and how it is taken away again."""

from __future__ import annotations

import secrets

from smlocal.errors import NotInRegistry, RegistryError, SmlocalError
from smlocal.registry.interface import Manifest, Repository


class Standing:
    """The manifest and the tag of one push: as they were before, and what was done to them.

    What may have been done counts as done: an answer that was lost leaves it open.
    """

    def __init__(self, repository: Repository, tag: str) -> None:
        self._repository = repository
        self._tag = tag
        self._manifest: Manifest | None = None
        self._before: Manifest | None = None  # what the tag named
        self._temporary: str | None = None
        self._put = self._named = False
        self.was_there = False

    def look(self, manifest: Manifest) -> None:
        """What there is before anything is put."""
        self._before = self._found(self._tag)
        self.was_there = self._found(manifest.digest) is not None
        self._manifest = manifest

    @property
    def _digest(self) -> str:
        return "" if self._manifest is None else self._manifest.digest

    def put(self, manifest: Manifest) -> None:
        self._put = True
        self._repository.put_manifest(manifest)

    def put_under_temporary_tag(self, manifest: Manifest) -> None:
        self._temporary = f"smlocal-{secrets.token_hex(8)}"
        self._repository.put_manifest(manifest, self._temporary)

    def name(self) -> None:
        """Put the tag, unless it names this very manifest. What it named is asked at the last moment: another push may
        have moved it since, perhaps even to the same."""
        assert self._manifest is not None
        self._before = self._found(self._tag)
        if self._before is not None and self._before.digest == self._digest:
            return
        self._named = True
        self._repository.put_manifest(self._manifest, self._tag)

    def named_digest(self) -> str | None:
        """What the tag names now."""
        found = self._found(self._tag)
        return None if found is None else found.digest

    def remove_temporary(self) -> None:
        """Raises RegistryError, with what is left to do, where no tag can be removed alone."""
        if self._temporary is None:
            return
        try:
            self._repository.remove_tag(self._temporary)
        except NotInRegistry:
            pass
        except RegistryError as error:
            raise RegistryError(f"the temporary tag {self._temporary} cannot be removed ({error})") from error
        self._temporary = None

    def undone(self) -> str:
        """Take away what was put, as far as the registry can; gives a sentence on what there is now."""
        if self._manifest is None or not (self._put or self._named):
            return self._unmoved()
        said = [self._tag_undone() if self._named else self._unmoved()]
        problem = self._temporary_undone()
        if self._put:
            said.append(self._manifest_undone())
        return " ".join([*said, problem] if self._temporary is not None else said)

    def _unmoved(self) -> str:
        if self._manifest is None:
            return f"The tag {self._tag} was not touched."
        return f"The tag {self._tag} {self._as_before()}."

    def _as_before(self) -> str:
        return "is not there, as before" if self._before is None else f"names {self._before.digest}, as before"

    def _tag_undone(self) -> str:
        """Where the tag names the new manifest, it gets back what it named; another's is left alone."""
        try:
            now = self.named_digest()
            if now != self._digest:
                return f"The tag {self._tag} names {now} now." if now else self._unmoved()
            if self._before is not None:
                self._repository.put_manifest(self._before, self._tag)
            else:
                self._unname()
        except SmlocalError as error:
            return (
                f"The tag {self._tag} may name {self._digest} now, which had been compared with the checked image"
                f" before, and cannot be put back ({error})."
            )
        return self._unmoved()

    def _unname(self) -> None:
        """A registry that removes no tag alone removes it with its manifest, if that is ours and has no other name."""
        try:
            self._repository.remove_tag(self._tag)
        except NotInRegistry:
            return
        except RegistryError:
            names = self._repository.tags_of(self._digest)
            if self.was_there or set(names) - {self._tag, self._temporary}:
                raise
            self._repository.remove_manifest(self._digest)

    def _temporary_undone(self) -> str:
        try:
            self.remove_temporary()
        except SmlocalError as error:
            return f"{str(error)[:1].upper()}{str(error)[1:]}."
        return ""

    def _manifest_undone(self) -> str:
        """Removing a manifest takes away every tag that names it: another push may have given it one meanwhile."""
        try:
            names = self._repository.tags_of(self._digest)
            if set(names) - {self._temporary}:
                return f"Its manifest {self._digest} stays, for {', '.join(names)} names it."
            self._repository.remove_manifest(self._digest)
            self._temporary = None
        except NotInRegistry:
            return "Nothing of it is left but blobs, which the registry's garbage collection takes."
        except SmlocalError as error:
            return f"Its manifest {self._digest} may be there without a name, and cannot be removed ({error})."
        return "Its manifest was removed; blobs without one are taken by the registry's garbage collection."

    def _found(self, reference: str) -> Manifest | None:
        try:
            return self._repository.manifest(reference)
        except NotInRegistry:
            return None
