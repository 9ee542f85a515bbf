"""What an engine saves, read once into what a registry takes: every form of archive, and those that are none."""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.engine.scripted import Script, ScriptedEngine, ScriptedImage
from smlocal.engine.scripted_saving import layer_of
from smlocal.errors import EngineError, NotSupported, SmlocalError
from smlocal.images.export import ExportedImage, ImageExporter
from smlocal.images.layer_cache import LayerCache
from smlocal.registry.interface import digest_of
from smlocal.registry.scripted import ScriptedRepository
from tests.images.archives import LAYERS, Member, classic, config_of, oci, podman, tar_of

NAME = "an-image:1"


@contextmanager
def exported(
    archive: bytes, image_id: str, folder: Path, repository: ScriptedRepository | None = None
) -> Iterator[ExportedImage]:
    """The export of an image that the engine saves as `archive`."""
    engine = ScriptedEngine()
    engine.add_image(NAME, ScriptedImage(Script(), archive=archive, image_id=image_id, layers=LAYERS))
    exporter = ImageExporter(engine, folder / "spool", LayerCache(folder / "cache"))
    with exporter.exported(image_id, repository or ScriptedRepository()) as image:
        yield image
    assert list((folder / "spool").iterdir()) == []


def contents(image: ExportedImage) -> tuple[bytes, ...]:
    """The uncompressed layers, from their files."""
    found = []
    for layer in image.layers:
        assert layer.path is not None
        packed = layer.path.read_bytes()
        assert (digest_of(packed), len(packed)) == (layer.blob.digest, layer.blob.size)
        found.append(gzip.decompress(packed))
        assert digest_of(found[-1]) == layer.diff_id
    return tuple(found)


LAYOUT = oci()
ATTESTED = oci(attested=True)
FORMS = {
    "Docker's classic store": (classic(), digest_of(config_of())),
    "Podman": (podman(), digest_of(config_of())),
    "Docker 25's classic store": (oci(compress=False).members, oci(compress=False).config),
    "the containerd store, by the manifest": (LAYOUT.members, LAYOUT.manifest),
    "the containerd store, by an index": (LAYOUT.members, LAYOUT.index),
    "the containerd store, with an attestation": (ATTESTED.members, ATTESTED.index),
    "an OCI layout, by the configuration": (LAYOUT.members, LAYOUT.config),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_configuration_and_layers(form: str, tmp_path: Path) -> None:
    members, image_id = FORMS[form]
    with exported(tar_of(members), image_id, tmp_path) as image:
        assert image.config == config_of()
        assert contents(image) == LAYERS


@settings(deadline=None, max_examples=40)
@given(form=st.sampled_from(sorted(FORMS)), data=st.data())
def test_order_names_duplicates_and_links_do_not_matter(form: str, data: st.DataObject) -> None:
    members, image_id = FORMS[form]
    names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=120)
    renamed = [
        Member(data.draw(names), member.content, member.link, member.type) if data.draw(st.booleans()) else member
        for member in members
    ]
    twice = data.draw(st.lists(st.sampled_from(renamed), max_size=4))
    links = data.draw(st.lists(st.tuples(names, names), max_size=3))
    odd = [Member(name, link=target, type=tarfile.LNKTYPE) for name, target in links]
    odd += [Member("pipe", type=tarfile.FIFOTYPE), Member("loop", link="loop"), Member("../../up", b"x" * 700)]
    shuffled = data.draw(st.permutations([*renamed, *twice, *odd]))
    with tempfile.TemporaryDirectory() as folder, exported(tar_of(shuffled), image_id, Path(folder)) as image:
        assert image.config == config_of()
        assert contents(image) == LAYERS


@settings(deadline=None, max_examples=60)
@given(form=st.sampled_from(sorted(FORMS)), seed=st.integers(0, 2**32), cut=st.booleans())
def test_a_damaged_archive_is_an_error_of_ours_or_the_image_itself(form: str, seed: int, cut: bool) -> None:
    members, image_id = FORMS[form]
    archive = bytearray(tar_of(members))
    chance = random.Random(seed)
    if cut:
        del archive[chance.randrange(len(archive)) :]
    else:
        for _ in range(chance.randrange(1, 4)):
            archive[chance.randrange(len(archive))] = chance.randrange(256)
    with tempfile.TemporaryDirectory() as folder:
        try:
            with exported(bytes(archive), image_id, Path(folder)) as image:
                assert contents(image) == LAYERS
        except SmlocalError:
            assert list(Path(folder, "spool").iterdir()) == []


def test_layers_that_come_twice_are_in_one_file(tmp_path: Path) -> None:
    layers = (LAYERS[0], LAYERS[1], LAYERS[0])
    with exported(tar_of(classic(layers)), digest_of(config_of(layers)), tmp_path) as image:
        assert contents(image) == layers
        assert image.layers[0].path == image.layers[2].path
        assert len(list(image.layers[0].path.parent.glob("*"))) == 2 + 1  # and the one VERSION


def test_a_compressed_layer_is_taken_as_it_is(tmp_path: Path) -> None:
    with exported(tar_of(LAYOUT.members), LAYOUT.manifest, tmp_path) as image:
        assert [layer.blob.digest for layer in image.layers] == [
            digest_of(gzip.compress(layer, 1, mtime=0)) for layer in LAYERS
        ]


def test_the_same_image_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    digests = []
    for name in ("first", "second"):
        with exported(tar_of(classic()), digest_of(config_of()), tmp_path / name) as image:
            digests.append([layer.blob.digest for layer in image.layers])
    assert digests[0] == digests[1]


def test_a_layer_that_looks_like_a_document_is_a_layer(tmp_path: Path) -> None:
    """Old tar archives have no mark; the first bytes of one are its first member's name."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("{name")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    layer = target.getvalue()
    old = layer[:257] + b"\0" * 8 + layer[265:]
    for odd in (layer, old):
        layers = (odd, LAYERS[0])
        with exported(tar_of(classic(layers)), digest_of(config_of(layers)), tmp_path / digest_of(odd)) as image:
            assert contents(image) == layers


WRONG: list[tuple[str, list[Member], str, type[SmlocalError], str]] = [
    ("another image", classic(), digest_of(b"x"), EngineError, "it holds no document with the digest"),
    ("no layers", classic(())[-2:], digest_of(config_of(())), NotSupported, "has no layers"),
    ("a layer less", classic()[3:], digest_of(config_of()), EngineError, "it has no layer sha256:"),
    (
        "a layer that is another",
        [Member(member.name, member.content.replace(b"\x01", b"\x09")) for member in classic()],
        digest_of(config_of()),
        EngineError,
        "it has no layer sha256:",
    ),
    ("nothing", [], digest_of(config_of()), EngineError, "cannot be used: it"),
    (
        "a layer compressed with zstd",
        [Member("x", b"\x28\xb5\x2f\xfd" + bytes(900)), *classic()[3:]],
        digest_of(config_of()),
        NotSupported,
        "compressed with zstd",
    ),
    (
        "a compressed layer cut short",
        [Member("x", gzip.compress(LAYERS[0])[:-5]), *classic()[3:]],
        digest_of(config_of()),
        NotSupported,
        "ends too early",
    ),
    (
        "a foreign layer in an OCI layout",
        oci(layer_type="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip").members,
        oci(layer_type="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip").manifest,
        NotSupported,
        "nobody else publish",
    ),
    (
        "a foreign layer in Docker's archive",
        [
            *classic()[:-1],
            Member(
                "manifest.json",
                json.dumps(
                    [
                        {
                            "LayerSources": {
                                "x": {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}
                            }
                        }
                    ]
                ).encode(),
            ),
        ],
        digest_of(config_of()),
        NotSupported,
        "nobody else publish",
    ),
    (
        "a configuration that is none",
        [Member("c", b'{"rootfs": 3}')],
        digest_of(b'{"rootfs": 3}'),
        EngineError,
        "does not say what its layers are",
    ),
    (
        "an index for other machines",
        [Member("i", b'{"manifests": []}')],
        digest_of(b'{"manifests": []}'),
        NotSupported,
        "an index with 0 manifests for linux/amd64",
    ),
    ("documents nested without end", [Member("d", b"[" * 100_000)], digest_of(b"[" * 100_000), EngineError, "no JSON"),
    ("too many members", [Member("d", b"{}")] * 20_001, digest_of(b"[]"), EngineError, "more than 20,000 members"),
    (
        "documents of many bytes",
        [Member("d", b"{" + b" " * 4_000_000)] * 20,
        digest_of(b"[]"),
        EngineError,
        "documents have more than",
    ),
]


@pytest.mark.parametrize(("members", "image_id", "kind", "said"), [row[1:] for row in WRONG], ids=[r[0] for r in WRONG])
def test_what_cannot_be_published_is_said_by_name_and_leaves_no_file(
    members: list[Member], image_id: str, kind: type[SmlocalError], said: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=said), exported(tar_of(members), image_id, tmp_path):
        pass
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_the_registry_has_is_kept_in_no_file(tmp_path: Path) -> None:
    repository = ScriptedRepository()
    image_id = digest_of(config_of())
    with exported(tar_of(classic()), image_id, tmp_path, repository) as image:
        layer = image.layers[1]
        repository.blobs[layer.blob.digest] = layer.path.read_bytes() if layer.path else b""
    with exported(tar_of(classic()), image_id, tmp_path, repository) as image:
        assert [layer.path is None for layer in image.layers] == [False, True, False]
        assert image.layers[1].blob == layer.blob
        assert len(list((image.layers[0].path or tmp_path).parent.iterdir())) == 2 + 1  # and the one VERSION


def test_where_the_registry_has_all_nothing_is_saved(tmp_path: Path) -> None:
    repository = ScriptedRepository()
    image_id = digest_of(config_of())
    with exported(tar_of(classic()), image_id, tmp_path, repository) as first:
        for layer in first.layers:
            repository.blobs[layer.blob.digest] = layer.path.read_bytes() if layer.path else b""
    with exported(b"this is no archive", image_id, tmp_path, repository) as image:
        assert (image.saved, image.config, image.layers[0].path) == (False, first.config, None)


def test_without_the_cached_configuration_it_is_taken_from_the_registry_or_else_saved(tmp_path: Path) -> None:
    repository = ScriptedRepository()
    image_id = digest_of(config_of())
    with exported(tar_of(classic()), image_id, tmp_path, repository) as first:
        for layer in first.layers:
            repository.blobs[layer.blob.digest] = layer.path.read_bytes() if layer.path else b""
    for path in (tmp_path / "cache" / "configs").iterdir():
        path.write_bytes(b"damaged")

    # the configuration comes first here, and what follows is damage: no more was read
    begun = tar_of(reversed(classic()))[: 4 * 512]
    with exported(begun, image_id, tmp_path, repository) as image:
        assert (image.saved, image.config) == (True, first.config)

    for path in (tmp_path / "cache" / "configs").iterdir():
        path.unlink()
    repository.blobs[image_id] = first.config
    with exported(b"this is no archive", image_id, tmp_path, repository) as image:
        assert (image.saved, image.config) == (False, first.config)


def test_an_export_may_be_ended_by_whoever_watches_it(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def watch(total: int) -> None:
        if total > 10_000:
            raise Enough

    engine = ScriptedEngine()
    engine.add_image(NAME, ScriptedImage(Script(), layers=tuple(layer_of({"/x": bytes(90_000)}) for _ in range(2))))
    exporter = ImageExporter(engine, tmp_path / "spool", LayerCache(tmp_path / "cache"))
    with pytest.raises(Enough), exporter.exported(engine.image(NAME).id, ScriptedRepository(), watch):
        pass
    assert list((tmp_path / "spool").iterdir()) == []


def test_in_the_containerd_store_the_whole_way_to_the_configuration_is_read(tmp_path: Path) -> None:
    """The document that is the id comes before the configuration, with all layers known."""
    repository = ScriptedRepository()
    with exported(tar_of(LAYOUT.members), LAYOUT.manifest, tmp_path, repository) as first:
        for layer in first.layers:
            repository.blobs[layer.blob.digest] = layer.path.read_bytes() if layer.path else b""
    for path in (tmp_path / "cache" / "configs").iterdir():
        path.unlink()
    turned = tar_of(reversed(LAYOUT.members))
    with exported(turned, LAYOUT.manifest, tmp_path, repository) as image:
        assert (image.saved, image.config) == (True, config_of())


def test_a_registry_that_has_another_configuration_under_the_id_is_not_believed(tmp_path: Path) -> None:
    repository = ScriptedRepository()
    image_id = digest_of(config_of())
    with exported(tar_of(classic()), image_id, tmp_path, repository) as first:
        for layer in first.layers:
            repository.blobs[layer.blob.digest] = layer.path.read_bytes() if layer.path else b""
    for path in (tmp_path / "cache" / "configs").iterdir():
        path.unlink()
    repository.blobs[image_id] = config_of(LAYERS[:1])
    with exported(tar_of(classic()), image_id, tmp_path, repository) as image:
        assert (image.saved, image.config) == (True, config_of())


def test_a_name_is_no_id_for_it_may_come_to_mean_another_image(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    engine.add_image(NAME, Script())
    exporter = ImageExporter(engine, tmp_path / "spool", LayerCache(tmp_path / "cache"))
    with pytest.raises(EngineError, match="gives sha256"), exporter.exported(NAME, ScriptedRepository()):
        pass
