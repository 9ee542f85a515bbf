"""Answers into outputs: the bytes of an `.out` object and its key.

Sources: API reference, TransformOutput (AssembleWith, S3OutputPath). The guide's example of a nested key contradicts
its own text; here an output keeps its input's path below the last `/` of S3Uri.
"""

from __future__ import annotations

from smlocal.transform.spool import Spool


def output_key(input_prefix: str, output_prefix: str, key: str) -> str:
    """The key of the output of the object `key`, which was found under `input_prefix`."""
    folder = input_prefix[: input_prefix.rfind("/") + 1]
    place = output_prefix.rstrip("/")
    return f"{place}/{key[len(folder) :]}.out" if place else f"{key[len(folder) :]}.out"


class Assembler:
    """The answers of one object, given in any order and written in the order of their requests."""

    def __init__(self, *, line: bool, in_memory: int) -> None:
        self._line = line
        self._waiting: dict[int, Spool] = {}
        self._next = 0
        self.output = Spool(in_memory)

    @property
    def written(self) -> int:
        """How many answers are in the output."""
        return self._next

    def add(self, index: int, answer: Spool) -> int:
        """Take the answer to request `index`, counted from 0; gives how many answers were written thereby.

        With AssembleWith `Line` an answer that does not end with a newline gets one.
        """
        self._waiting[index] = answer
        begun = self._next
        while (ready := self._waiting.pop(self._next, None)) is not None:
            ends_line = ready.last == b"\n"
            self.output.append(ready)
            ready.close()
            if self._line and not ends_line:
                self.output.write(b"\n")
            self._next += 1
        return self._next - begun

    def drop(self) -> int:
        """Forget everything; gives how many answers were still waiting for an earlier one."""
        waiting = len(self._waiting)
        for answer in self._waiting.values():
            answer.close()
        self._waiting.clear()
        self.output.close()
        return waiting
