"""SM212: what the image leaves in /opt/ml/model, and what can be made of it."""

from __future__ import annotations

from smlocal.contract.finding import Judgement, Reason, Severity, broken, kept, without
from smlocal.contract.rule import rule
from smlocal.contract.rules.training import good_run, no_training
from smlocal.evidence import Examination, FileSeen

_SHOWN = 3


@rule("SM212", Severity.ERROR, "AWS developer guide, deploy-model-troubleshoot", "AWS developer guide, hosting-faqs")
def model_holds_links(examination: Examination) -> Judgement:
    """The model holds symbolic links, devices or pipes.

    Why: /opt/ml/model is packed as it is, and a model that is made of an archive with symbolic links fails. Links to
    absolute paths lead to nothing besides: what they named stays behind in the training container. Of devices and pipes
    the platform's documents say nothing, hence they are a warning.

    Fix: Copy into /opt/ml/model the files that the links lead to (`cp -rL`, or `shutil.copytree`, which follows them).
    """
    missing = no_training(examination)
    if missing is not None:
        return missing
    good = good_run(examination)
    if good is None:
        return without(Reason.RUN_MISSING)
    files = good.run.model_files
    links = [item for item in files if item.kind == "symlink"]
    odd = [item for item in files if item.kind == "other"]
    if links:
        # a model of the user's own is served without these
        explains = ("SM2",) if examination.asked.model_given else ("SM",)
        return broken(
            *_shown([*links, *odd]), sagemaker="CreateModel, or the endpoint made of it, fails", explains=explains
        )
    if odd:
        return broken(*_shown(odd), sagemaker="not documented", severity=Severity.WARNING, explains=("SM2",))
    if not files:
        return without(Reason.NO_SUCH_CASE, "/opt/ml/model is empty")
    return kept(f"{len(files)} plain files and folders")


def _shown(items: list[FileSeen]) -> list[str]:
    seen = [_words(item) for item in items[:_SHOWN]]
    return seen if len(items) <= _SHOWN else [*seen, f"and {len(items) - _SHOWN} more"]


def _words(item: FileSeen) -> str:
    if item.kind == "other":
        return f"/opt/ml/model/{item.path} is neither a file nor a folder"
    absolute = ", an absolute path" if item.link.startswith("/") else ""
    return f"/opt/ml/model/{item.path} is a link to {item.link}{absolute}"
