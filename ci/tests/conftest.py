# SPDX-License-Identifier: Apache-2.0
"""The order in which the tests run, and are given to the processes that share them out (make test).

A file stays together, since its tests share nodes. What is quick comes first, then what takes
longest, so that no process is left alone with it at the end. What fails is told at once: the rest
may take half an hour.
"""

from __future__ import annotations

import pytest

#: The system tests that take minutes, longest first.
_LONGEST = (
    "test_twenty",
    "test_nodes",
    "test_person",
    "test_all_in_one",
    "test_life",
    "test_servers",
    "test_heat",
    "test_dashboard",
    "test_dialogue",
    "test_kill",
    "test_purge",
)


def _rank(item: pytest.Item) -> tuple[bool, int]:
    slow = "system" in item.path.parts or "packages" in item.path.parts
    name = item.path.stem
    return slow, _LONGEST.index(name) if name in _LONGEST else len(_LONGEST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in order; that of a file stays."""
    items.sort(key=_rank)


#: Most lines that are told of a failure at once.
_TOLD = 40


class _AtOnce:
    """Tells what fails when it fails, in the process that the person looks at."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write what failed, and why: a run that is ended comes to no report of pytest's own."""
        if report.failed:
            self._terminal.ensure_newline()
            crash = getattr(report.longrepr, "reprcrash", None)
            why, *more = (crash.message if crash else report.longreprtext).splitlines() or [""]
            self._terminal.write_line(f"FAILED {report.nodeid} ({report.when}): {why}", red=True)
            for line in more[-_TOLD:]:
                self._terminal.write_line(line)


@pytest.hookimpl(trylast=True)  # the terminal is there then
def pytest_configure(config: pytest.Config) -> None:
    """Tell failures at once where there is a terminal; processes that run shares have none."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_AtOnce(terminal))
