"""What an image would execute is found as a container runtime finds it, without running anything of the image."""

from __future__ import annotations

import io
import secrets
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from smlocal.engine.interface import PathFacts
from smlocal.engine.scripted import Script, ScriptedEngine, ScriptedImage
from smlocal.evidence import ImageEvidence, Program
from smlocal.examination.image_facts import ImageExaminer
from smlocal.examination.image_files import FoundFile, ImageFiles
from smlocal.launch import Launch, Launcher
from smlocal.owner import this_process
from smlocal.settings import Settings
from smlocal.wiring import Program as Wiring

RUN = b"#!/bin/sh\nexit 0\n"
ELF = b"\x7fELF\x02\x01\x01"
FOLDER = None  # as contents of a path: an empty folder

Contents = Mapping[str, "bytes | str | tuple[int, bytes] | None"]
Examine = Callable[..., ImageEvidence]


def root_file_system(contents: Contents) -> bytes:
    """A tar file. Contents are bytes (with mode 0755), a mode and bytes, the target of a link, or an empty folder."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in contents.items():
            member = tarfile.TarInfo(path.strip("/"))
            mode, data = content if isinstance(content, tuple) else (0o755, content)
            member.mode = mode
            if data is FOLDER:
                member.type = tarfile.DIRTYPE
            elif isinstance(data, str):
                member.type, member.linkname = tarfile.SYMTYPE, data
            else:
                member.size = len(data)
            archive.addfile(member, io.BytesIO(data if isinstance(data, bytes) else b""))
    return stream.getvalue()


@pytest.fixture
def files_of() -> Iterator[Callable[[Contents], ImageFiles]]:
    """Look into a scripted container with these files."""
    engine = ScriptedEngine()
    engine.add_image("algorithm", Script())
    launcher = Launcher(engine, this_process(), "relay")
    made = []

    def look(contents: Contents) -> ImageFiles:
        container = launcher.launch(Launch("examination", "files", "algorithm", ("true",)))
        made.append(container)
        engine.put_archive(container.id, "/", iter([root_file_system(contents)]))
        return ImageFiles(container)

    yield look
    for container in made:
        container.remove()
    assert launcher.mine() == []


@pytest.mark.parametrize(
    ("contents", "asked", "found"),
    [
        ({"/opt/run": RUN}, "/opt/run", "/opt/run"),
        ({"/opt/run": RUN}, "/opt/../opt/./run", "/opt/run"),
        ({"/usr/bin/run": RUN, "/bin": "usr/bin"}, "/bin/run", "/usr/bin/run"),
        ({"/opt/a/run": RUN, "/usr/bin/run": "../../opt/a/run"}, "/usr/bin/run", "/opt/a/run"),
        ({"/opt/a/run": RUN, "/usr/bin/run": "/opt/a/run"}, "/usr/bin/run", "/opt/a/run"),
        ({"/opt/2/run": RUN, "/opt/now": "2", "/usr/bin/run": "/opt/now/run"}, "/usr/bin/run", "/opt/2/run"),
        ({"/usr/run": RUN, "/deep/er": "/usr"}, "/deep/er/../usr/run", "/usr/run"),
        ({"/opt/run": "run"}, "/opt/run", None),
        ({"/opt/a": "b", "/opt/b": "a"}, "/opt/a", None),
        ({"/opt/run": "/nowhere"}, "/opt/run", None),
        ({"/opt/run": FOLDER}, "/opt/run", None),
        ({"/opt": FOLDER}, "/opt/run", None),
        ({"/opt/run": RUN}, "/opt/run/run", None),
    ],
    ids=[
        "a file",
        "dots",
        "a folder that is a link",
        "a relative link",
        "an absolute link",
        "a link through a link",
        "dots after a link lead to its target's parent",
        "a link to itself",
        "links in a circle",
        "a link that leads nowhere",
        "a folder is no file",
        "nothing there",
        "a file is no folder",
    ],
)
def test_a_path_is_followed_as_the_kernel_does(
    files_of: Callable[[Contents], ImageFiles], contents: Contents, asked: str, found: str | None
) -> None:
    files = files_of(contents)
    file = files.find(asked)
    assert file == (None if found is None else FoundFile(found, 0o755))
    assert file is None or files.beginning(file) == RUN


def test_of_a_big_file_only_the_beginning_is_kept(files_of: Callable[[Contents], ImageFiles]) -> None:
    files = files_of({"/opt/big": ELF + bytes(1_000_000)})
    found = files.find("/opt/big")
    assert found is not None
    assert files.beginning(found) == (ELF + bytes(1_000_000))[:4096]


def test_files_below_a_folder_are_told_with_their_paths_and_not_more_than_wanted(
    files_of: Callable[[Contents], ImageFiles],
) -> None:
    files = files_of({"/opt/ml/model/a": RUN, "/opt/ml/model/deep/b": RUN, "/opt/ml/model/empty": FOLDER})
    assert files.below("/opt/ml/model", 9) == ["/opt/ml/model/a", "/opt/ml/model/deep/b"]
    assert files.below("/opt/ml/model", 1) == ["/opt/ml/model/a"]
    assert files.below("/opt/ml/input", 9) == []


def test_a_path_without_end_is_followed_only_so_far() -> None:
    class Counting(ScriptedEngine):
        """Counts what it is asked for."""

        asked = 0

        def path(self, container: str, path: str) -> PathFacts:
            self.asked += 1
            return super().path(container, path)

    engine = Counting()
    endless = ":".join(f"/{number}" for number in range(30_000))
    engine.add_image("algorithm", ScriptedImage(Script(), environment={"PATH": endless}))
    found = ImageExaminer(engine, Launcher(engine, this_process(), "relay")).examine("algorithm")
    assert found.programs["train"].kind == "missing"
    assert engine.asked <= 10_000


@pytest.fixture
def examine(tmp_path: Path) -> Iterator[Examine]:
    """Examine a real image that is nothing but these files, made with lines of a Dockerfile."""
    reference = f"smlocal-test/files:{secrets.token_hex(6)}"
    with Wiring(Settings(state=tmp_path / "state")) as program:

        def look(contents: Contents, *lines: str) -> ImageEvidence:
            archive = tmp_path / "root.tar"
            archive.write_bytes(root_file_system(contents))
            program.engine.import_image(archive, reference, lines)
            return ImageExaminer(program.engine, program.launcher).examine(reference)

        yield look
        assert program.launcher.mine() == []
        program.engine.remove_image(reference)


SHELL = {"/usr/bin/sh": ELF, "/bin": "usr/bin"}
NO_TRAIN = Program("train", ("train",), None, False, "missing")


def script(path: str, argv: tuple[str, ...] = ("train",), interpreter: str = "/bin/sh", **more: bool) -> Program:
    return Program("train", argv, path, **{"executable": True, **more}, kind="script", interpreter=interpreter)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("contents", "lines", "expected"),
    [
        ({**SHELL, "/usr/bin/train": RUN}, ["ENV PATH=/bin"], script("/usr/bin/train")),
        ({**SHELL, "/usr/local/bin/train": RUN}, [], script("/usr/local/bin/train")),
        ({**SHELL, "/usr/bin/train": "/opt/run.sh", "/opt/run.sh": RUN}, [], script("/opt/run.sh")),
        ({**SHELL, "/opt/train": RUN}, ["WORKDIR /opt"], NO_TRAIN),
        ({**SHELL, "/usr/bin/train": FOLDER}, [], NO_TRAIN),
        ({**SHELL, "/usr/bin/train": "train"}, [], NO_TRAIN),
        ({**SHELL, "/usr/bin/train": RUN}, [f"ENV PATH=/usr/bin/sh:/{'x' * 300}:/usr/bin"], script("/usr/bin/train")),
        (
            {**SHELL, "/usr/sbin/train": (0o644, b""), "/usr/bin/train": RUN},
            ["ENV PATH=/usr/sbin:/usr/bin"],
            script("/usr/bin/train"),
        ),
        ({**SHELL, "/usr/bin/train": (0o644, RUN)}, [], script("/usr/bin/train", executable=False)),
        (
            {**SHELL, "/opt/program/run": RUN},
            ["WORKDIR /opt/program", 'ENTRYPOINT ["./run", "--fast"]'],
            script("/opt/program/run", ("./run", "--fast", "train")),
        ),
        (
            {**SHELL, "/opt/program/run": RUN},
            ["WORKDIR /opt/other", 'ENTRYPOINT ["../program/run"]'],
            script("/opt/program/run", ("../program/run", "train")),
        ),
        (
            {**SHELL, "/usr/bin/train": RUN},
            ['ENTRYPOINT ["./run"]'],
            Program("train", ("./run", "train"), None, False, "missing"),
        ),
        (
            {"/program": ELF},
            ['ENTRYPOINT ["/program"]'],
            Program("train", ("/program", "train"), "/program", True, "elf"),
        ),
        ({"/usr/bin/train": RUN}, [], script("/usr/bin/train", interpreter_found=False)),
        ({"/usr/bin/train": b"echo\n"}, [], Program("train", ("train",), "/usr/bin/train", True, "text")),
        (
            {"/usr/bin/train": b"#!/usr/bin/env -S python3 -u\n", "/bin/python3": "python3.11", "/bin/python3.11": ELF},
            [],
            script("/usr/bin/train", interpreter="python3"),
        ),
        (
            {**SHELL, "/usr/bin/train": RUN.replace(b"\n", b"\r\n")},
            [],
            script("/usr/bin/train", crlf=True),
        ),
    ],
    ids=[
        "PATH has a folder that is a link",
        "without PATH the runtime's own is taken",
        "a link on PATH",
        "WORKDIR is not on PATH",
        "a folder is no program",
        "a link to itself is no program",
        "a PATH with a file and a name longer than any file system takes",
        "what is not executable is passed over",
        "the only one is told though it is not executable",
        "ENTRYPOINT is relative to WORKDIR",
        "ENTRYPOINT leaves WORKDIR",
        "ENTRYPOINT's program is missing, whatever is on PATH",
        "FROM scratch without a shell",
        "an interpreter that is not there",
        "no #! line",
        "env with options, and an interpreter that is a link",
        "CRLF",
    ],
)  # fmt: skip
def test_the_program_is_found_as_a_container_runtime_finds_it(
    examine: Examine, contents: Contents, lines: list[str], expected: Program
) -> None:
    assert examine(contents, *lines).programs["train"] == expected


@pytest.mark.engine
def test_an_image_of_one_file_has_nothing_that_it_should_not_have(examine: Examine) -> None:
    found = examine({"/program": ELF}, 'ENTRYPOINT ["/program"]')
    assert (found.architecture, found.entrypoint, found.user) == ("amd64", ("/program",), "")
    assert (found.baked, found.secrets, found.driver_files) == ((), (), ())
    assert found.word_on_path == {"train": False, "serve": False}


@pytest.mark.engine
def test_what_lies_where_it_should_not_is_told(examine: Examine) -> None:
    found = examine(
        {
            "/opt/ml/model/old.pkl": b"",
            "/opt/ml/code/train.py": b"",
            "/root/.aws/credentials": b"[default]\naws_access_key_id = AKIASMLOCALNOTAREAL0\n",
            "/usr/lib/x86_64-linux-gnu/libcuda.so.1": "libcuda.so.535.104.05",
            "/usr/lib/x86_64-linux-gnu/libcuda.so.535.104.05": b"",
            "/usr/local/cuda/compat/libcuda.so.535.104.05": b"",
        },
        "ENV AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
    )
    assert found.baked == ("/opt/ml/model/old.pkl",)
    assert [(secret.where, secret.kind) for secret in found.secrets] == [("/root/.aws/credentials", "AWS access key")]
    assert found.driver_files == ("/usr/lib/x86_64-linux-gnu/libcuda.so.535.104.05",)
