"""`smlocal images`: build and list smlocal's own images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smlocal.cli.state import common_of

if TYPE_CHECKING:
    from smlocal.images.build import ImageStatus

app = typer.Typer(help="Build and list smlocal's own images.", no_args_is_help=True)


@app.command()
def build(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[base|sklearn|xgboost]...")] = None,
    platform: Annotated[str, typer.Option(help="The platform that the images are for.")] = "linux/amd64",
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Also what is up to date.")] = False,
) -> None:
    """Build the images that are missing or old (default: all)."""
    common = common_of(context)
    terminal = common.terminal()
    with common.program() as program, terminal.working("building images") as news:
        built = program.image_builder.build(names or (), platform=platform, rebuild=rebuild, on_line=news)
    if terminal.json:
        rows = [
            {
                "name": image.name,
                "reference": image.reference,
                "id": image.id,
                "size_bytes": image.size_bytes,
                "built": image.built,
                "seconds": round(image.seconds, 3),
            }
            for image in built
        ]
        terminal.document("images", {"images": rows})
        return
    for image in built:
        done = f"built in {image.seconds:.1f} s" if image.built else "up to date"
        terminal.answer(f"{image.reference}  {done}, {image.size_bytes / 1e6:.0f} MB")


@app.command(name="list")
def list_(context: typer.Context) -> None:
    """List smlocal's own images, present or not."""
    common = common_of(context)
    terminal = common.terminal()
    with common.program() as program:
        images = program.image_builder.list()
    if terminal.json:
        terminal.document("images", {"images": [vars(image) for image in images]})
        return
    terminal.table(
        ("IMAGE", "STATE", "SIZE"),
        [
            (image.reference, _state(image), f"{image.size_bytes / 1e6:.0f} MB" if image.present else "")
            for image in images
        ],
    )


def _state(image: ImageStatus) -> str:
    if not image.present:
        return "missing"
    return "up to date" if image.current else "old"
