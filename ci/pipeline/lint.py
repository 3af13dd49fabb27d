# SPDX-License-Identifier: Apache-2.0
"""lintian over what was built: no error and no warning, in a root of the target's release."""

from __future__ import annotations

from collections.abc import Iterable

from debstack.base.errors import DebstackError
from pipeline.build import Built, Plan, say
from pipeline.root import ensure_layer, overlay
from pipeline.tree import BUILD, locked

#: Looks in all Python files for modules that Python has dropped, for minutes: five for Nova.
_SLOW = "languages/python/stdlib-deprecation"
_COMMAND = ["lintian", "--fail-on", "error,warning", "--show-overrides", "--tag-display-limit", "0"]


def lintian_argv(names: Iterable[str], *, slow: bool) -> list[str]:
    """Return the lintian command for the files `names`, which lie in /in of its root.

    It makes the slow check alone, or all the others.
    """
    part = "--check-part" if slow else "--dont-check-part"
    return [*_COMMAND, part, _SLOW, *(f"/in/{name}" for name in sorted(names))]


def _check(built: Built, plan: Plan, *, slow: bool) -> str:
    """Return what lintian found to complain about in one build; empty if nothing."""
    log_path = BUILD / "logs" / f"{built.source.name}.lintian.log"
    log_path.write_text("", encoding="utf-8")
    layer = ensure_layer(plan.base, ["lintian"], log_path)
    with overlay([layer, plan.base.path], {built.folder: "/in"}) as root:
        names = [path.name for path in built.files(".dsc", ".changes")]
        code, output = root.run(lintian_argv(names, slow=slow), user="builder", check=False)
    log_path.write_text(output, encoding="utf-8")
    complaints = [line for line in output.splitlines() if line.startswith(("E:", "W:"))]
    if code != 0 and not complaints:
        complaints = output.splitlines()[-10:] or [f"lintian: exit code {code}"]
    return "\n".join(f"    {line}" for line in complaints)


def lint_builds(builds: Iterable[Built], plan: Plan, *, slow: bool = False) -> None:
    """Run lintian on each build that has not passed yet with this release's lintian.

    One check takes minutes, and is made alone where it is wanted (`slow`).

    Raises DebstackError with all errors and warnings found.
    """
    problems = []
    for built in builds:
        kind = "lintian-slow" if slow else "lintian"
        mark = built.folder / f"{kind}-{plan.base.identity[:12]}"
        with locked(f"lintian-{built.source.name}"):
            if mark.is_file():
                say(f"lintian: {built.source.name}: unchanged")
                continue
            complaints = _check(built, plan, slow=slow)
            if complaints:
                problems.append(f"{built.source.name}: lintian complains\n{complaints}")
                say(f"lintian: {built.source.name}: errors or warnings")
            else:
                mark.touch()
                say(f"lintian: {built.source.name}: clean")
    if problems:
        raise DebstackError("\n".join(problems), hint=f"all of it is in {BUILD / 'logs'}")
