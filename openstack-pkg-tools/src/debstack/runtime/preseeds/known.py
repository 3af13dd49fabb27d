# SPDX-License-Identifier: Apache-2.0
"""The questions that a preseed file can answer: of the packages here, and of the whole series."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debstack.runtime.files import read_text
from debstack.runtime.manifests import KnownQuestion, known_questions, read_manifests
from debstack.spec.questions import PURGE_KEY, SHARED_PREFIX, has_data, purge_question
from debstack.spec.series_questions import INSTALLED, SeriesQuestions, from_json
from debstack.spec.vocabulary import Manifest

#: The package that brings the questions of the series.
LIST_PACKAGE = "openstack-preseeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Full name to question, and whether the list of the whole series is part of it."""

    questions: Mapping[str, KnownQuestion]
    whole_series: bool

    @property
    def prefixes(self) -> frozenset[str]:
        """The prefixes of the questions, which are ours alone."""
        return frozenset(name.partition("/")[0] for name in self.questions)


def _purge_questions(manifests: Iterable[Manifest]) -> dict[str, KnownQuestion]:
    found: dict[str, KnownQuestion] = {}
    for manifest in manifests:
        name = f"{manifest.question_prefix}/{PURGE_KEY}"
        if has_data(manifest.package) and manifest.question_prefix != SHARED_PREFIX:
            found.setdefault(
                name, KnownQuestion(name=name, binary=manifest.binary, question=purge_question())
            )
    return found


def together(manifests: Iterable[Manifest], series: SeriesQuestions | None) -> Known:
    """Return all questions; what is installed wins over the list of the series."""
    here = tuple(manifests)
    listed = series.question if series is not None else {}
    questions = {
        name: KnownQuestion(name=name, binary=item.binary, question=item.question)
        for name, item in listed.items()
    }
    return Known(
        questions=questions | _purge_questions(here) | known_questions(here),
        whole_series=series is not None,
    )


def read_known(root: Path) -> Known:
    """Return all questions that are known on the machine with the root `root`. Raises SpecError."""
    path = root / INSTALLED.lstrip("/")
    text = read_text(path)
    series = None if text is None else from_json(text, where=str(path))
    return together(read_manifests(root), series)
