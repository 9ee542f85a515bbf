"""`smlocal demo`: the three Iris labs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from smlocal.cli.state import common_of

if TYPE_CHECKING:
    from smlocal.cli.state import Common
    from smlocal.cli.terminal import Terminal
    from smlocal.demo import Outcome, Step


def demo(context: typer.Context) -> None:
    """Run SageMaker's three Iris labs here: built-in XGBoost, batch transform, bring your own.

    Lab 3 checks its image, publishes it to a registry on this machine (the program docker-registry, where there is one)
    and runs the registry's copy.
    """
    from smlocal.cli.interrupts import sigterm_as_ctrl_c

    common = common_of(context)
    terminal = common.terminal()
    try:
        with sigterm_as_ctrl_c():
            outcome = _labs(common, terminal)
    except KeyboardInterrupt:
        terminal.say("interrupted: nothing of the labs runs any more")
        raise
    _render(terminal, outcome)
    for problem in outcome.problems:
        terminal.say(f"problem: {problem}")
    if outcome.problems:
        raise typer.Exit(1)


def _labs(common: Common, terminal: Terminal) -> Outcome:
    from smlocal.cli.places import say_where
    from smlocal.demo import Demo

    def on_step(step: Step) -> None:
        terminal.say(f"{step.lab}  {step.seconds:5.1f} s  {step.name}{': ' + step.result if step.result else ''}")
        for key in step.keys:
            terminal.say(f"                  wrote {key}")

    with common.program(writing=True) as program:
        say_where(terminal, program)
        with terminal.working("running the labs") as news:
            return Demo(program, on_begin=lambda lab, name: news(f"{lab}, {name}"), on_step=on_step).run()


def _render(terminal: Terminal, outcome: Outcome) -> None:
    if terminal.json:
        content = {
            "bucket": outcome.bucket,
            "steps": [vars(step) for step in outcome.steps],
            "accuracies": outcome.accuracies,
            "rows": outcome.rows,
            "problems": outcome.problems,
        }
        terminal.document("demo", content)
        return
    total = sum(step.seconds for step in outcome.steps)
    rows = [(step.lab, step.name, f"{step.seconds:.1f} s", step.result) for step in outcome.steps]
    terminal.table(("LAB", "STEP", "TIME", "RESULT"), [*rows, ("", "all of it", f"{total:.1f} s", "")])
    scores = ", ".join(f"{lab} {accuracy:.3f}" for lab, accuracy in outcome.accuracies.items())
    terminal.answer(
        f"accuracy: {scores}; rows transformed: {outcome.rows}; left running: nothing"
        if not outcome.leftovers
        else f"accuracy: {scores}; left: {', '.join(outcome.leftovers)}"
    )
