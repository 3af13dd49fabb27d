# SPDX-License-Identifier: Apache-2.0
"""Runs a rendered script with a stand-in for debconf, so that a dialogue takes no terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from debstack.base.run import Result, run
from debstack.render.debconf import templates
from debstack.spec.vocabulary import Component

CONFMODULE = Path(__file__).with_name("confmodule.sh")
NOBODY = 9
LOW = 1
MEDIUM = 2


@dataclass(kw_only=True)
class Debconf:
    """A debconf database below `folder`, with the templates of one package loaded."""

    folder: Path
    component: Component
    binary: str
    site: dict[str, str] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for template in templates(self.component, self.binary):
            self._file(template.name, "value").write_text(f"{template.default}\n")
            self._file(template.name, "seen").write_text("false\n")

    def _file(self, name: str, kind: str) -> Path:
        return self.folder / f"{name.replace('/', '%')}.{kind}"

    def preseed(self, name: str, value: str) -> None:
        """Do what debconf-set-selections does."""
        self._file(name, "value").write_text(f"{value}\n")
        self._file(name, "seen").write_text("true\n")

    def value(self, name: str) -> str:
        """Return the value of a question."""
        return self._file(name, "value").read_text().rstrip("\n")

    def seen(self, name: str) -> bool:
        """Say whether a question counts as answered."""
        return self._file(name, "seen").read_text() == "true\n"

    def told(self) -> list[str]:
        """Return what was shown, in order, each with the value filled in."""
        told = self.folder / "told"
        return told.read_text().splitlines() if told.exists() else []

    def _preseed_file(self, name: str, answers: Mapping[str, str]) -> Path:
        path = self.folder / name
        lines = [f"{self.binary} {key} string {value}\n" for key, value in answers.items()]
        path.write_text("# a comment\n" + "".join(lines))
        return path

    def run(
        self, script: str, *acts: str, level: int = MEDIUM, arguments: Sequence[str] = ()
    ) -> Result:
        """Run `script`, a person doing `acts`; questions below `level` are not shown."""
        script = script.replace("/usr/share/debconf/confmodule", str(CONFMODULE))
        site = self._preseed_file("site", self.site)
        taken = self._preseed_file("taken", self.taken)
        script = script.replace("/etc/debstack/site.preseed", str(site))
        script = script.replace("/var/lib/debstack/taken.preseed", str(taken))
        path = self.folder / "script"
        path.write_text(script)
        acts_file = self.folder / "acts"
        acts_file.write_text("".join(f"{act}\n" for act in acts))
        environment = {"DB": str(self.folder), "ACTS": str(acts_file), "LEVEL": str(level)}
        # A dialogue that goes round in circles must fail the test, not hang it.
        return run(["sh", path, *arguments], env=environment, check=False, timeout_s=10)
