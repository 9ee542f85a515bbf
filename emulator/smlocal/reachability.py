"""Whether addresses answer at all, all asked at once and none awaited for long."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping

Ask = Callable[[str, float], str | None]


def ask(url: str, seconds: float) -> str | None:
    """Why `url` does not answer; None when it does. Any status is an answer: a registry greets strangers with 401."""
    try:
        request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "smlocal"})
        with urllib.request.urlopen(request, timeout=seconds):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return None
    except urllib.error.URLError as error:
        return str(error.reason)
    except (OSError, ValueError) as error:
        return str(error)


def unreachable(urls: Mapping[str, str], seconds: float = 2.0, ask: Ask = ask) -> dict[str, str | None]:
    """For each name in `urls` why its address does not answer, or None when it does; ready after `seconds` at most.

    Names are looked up without a limit by the system's resolver, so that each address has a thread that may be left
    behind.
    """
    answers: dict[str, str | None] = {}

    def one(name: str, url: str) -> None:
        answers[name] = ask(url, seconds)

    threads = [threading.Thread(target=one, args=item, name=f"asking {item[1]}", daemon=True) for item in urls.items()]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {name: answers.get(name, f"no answer in {seconds:g} s") for name in urls}
