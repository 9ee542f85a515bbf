"""The log of an account: what is in it after whatever end."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlocal.account.ledger import Ledger, merged
from smlocal.errors import UsageError

NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=timezone.utc)
MEMBERS = {"Name": "x", "Time": NOW, "Deep": [{"Time": NOW, "é": "\u2028"}], "_Hidden": {"Float": 0.1}}


def reopened(folder: Path) -> dict[str, Any]:
    ledger = Ledger(folder)
    ledger.close()
    return dict(ledger.things)


def test_things_are_as_they_were_with_their_times(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(NOW, "model/x", "created", MEMBERS, ())
    ledger.record(NOW, "model/x", "changed", {"Name": "y"}, ("Deep",))
    ledger.record(NOW, "model/gone", "created", {}, ())
    ledger.forget(NOW, "model/gone")
    ledger.close()
    assert reopened(tmp_path) == {"model/x": {"Name": "y", "Time": NOW, "_Hidden": {"Float": 0.1}}}


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_was_cut_off_loses_itself_and_nothing_else(cut: int, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(NOW, "model/a", "created", {"A": 1}, ())
    ledger.record(NOW, "model/b", "created", {"B": 1}, ())
    ledger.close()
    path = tmp_path / "log.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    ledger = Ledger(tmp_path)
    kept = set(ledger.things)
    assert kept == ({"model/a", "model/b"} if cut == 1 else {"model/a"})
    ledger.record(NOW, "model/c", "created", {"C": 1}, ())
    ledger.close()
    assert reopened(tmp_path).keys() == kept | {"model/c"}


def test_one_process_at_a_time_has_it(tmp_path: Path) -> None:
    first = Ledger(tmp_path)
    with pytest.raises(UsageError, match="another smlocal uses the account in"):
        Ledger(tmp_path)
    first.close()
    Ledger(tmp_path).close()


def test_a_log_that_has_grown_is_written_anew_and_tells_the_same(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for number in range(1500):
        ledger.record(NOW, "model/x", "changed", {"Number": number}, ())
    ledger.close()
    assert reopened(tmp_path) == {"model/x": {"Number": 1499}}
    assert (tmp_path / "log.jsonl").read_bytes().count(b"\n") == 1
    assert reopened(tmp_path) == {"model/x": {"Number": 1499}}


changes = st.lists(
    st.tuples(
        st.sampled_from(["a/1", "a/2", "b/1"]),
        st.none() | st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=5), max_size=3),
        st.lists(st.text(max_size=3), max_size=2),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(history=changes)
def test_any_history_is_told_again(history: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger, expected = Ledger(folder), {}
    for thing, members, unset in history:
        if members is None:
            ledger.forget(NOW, thing)
            expected.pop(thing, None)
        else:
            ledger.record(NOW, thing, "changed", members, unset)
            expected[thing] = merged(expected.get(thing, {}), members, unset)
    ledger.close()
    assert reopened(folder) == expected
