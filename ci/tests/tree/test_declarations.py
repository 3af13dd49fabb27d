# SPDX-License-Identifier: Apache-2.0
"""What components refer to across their borders is there: else it would silently be left out."""

from __future__ import annotations

import json
import re

from debstack.spec.component import manifest_json, resolve
from refpages.questions import components

_REFERENCE = re.compile(r'"(?:[^"]*\$\{)?(messaging|endpoint)\.([a-z0-9_-]+)[.}"]')


def test_virtual_hosts_and_services_of_other_components_are_declared_somewhere() -> None:
    manifests = [
        resolve(component, binary) for component in components() for binary in component.package
    ]
    declared = {("messaging", name) for m in manifests for name in m.package.messaging}
    declared |= {("endpoint", name) for m in manifests for name in m.package.service}
    used: dict[tuple[str, str], str] = {}
    for manifest in manifests:
        text = json.dumps(json.loads(manifest_json(manifest)))
        for kind, name in _REFERENCE.findall(text):
            used[(kind, name)] = manifest.binary
    assert {("messaging", "notifications"), ("endpoint", "alarming")} <= used.keys()
    assert {place: binary for place, binary in used.items() if place not in declared} == {}
