# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from benchmark.usage import by_service


def test_memory_of_units_is_summed_by_their_service() -> None:
    memory = {
        "nova-api.service": 300.0,
        "neutron-api.service": 200.0,
        "mariadb.service": 250.0,
        "nova-api-metadata.service": 100.0,
        "user@0.service": 1.0,
        "init.scope": 10.0,
    }
    found = by_service(memory)
    assert list(found.items()) == [
        ("nova", 400.0),
        ("mariadb", 250.0),
        ("neutron", 200.0),
        ("init", 10.0),
        ("user", 1.0),
    ]
    assert sum(found.values()) == sum(memory.values())
