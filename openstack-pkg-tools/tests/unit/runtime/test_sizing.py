# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from debstack.runtime.sizing import database_connections, wsgi_processes


@pytest.mark.parametrize(
    ("cpus", "memory_mib", "units", "processes"),
    [
        (2, 8192, 2, 2),
        (1, 8192, 2, 2),
        (64, 262144, 2, 8),
        (6, 16384, 2, 6),
        (8, 1024, 2, 1),
        (8, 2048, 2, 2),
        (8, 256, 4, 1),
    ],
)
def test_processes(cpus: int, memory_mib: int, units: int, processes: int) -> None:
    assert processes == wsgi_processes(
        cpus=cpus,
        memory_mib=memory_mib,
        units=units,
        process_memory_mib=150,
        max_processes=8,
    )


@pytest.mark.parametrize(
    ("memory_mib", "connections"), [(1024, 512), (8192, 1024), (24105, 4096), (262144, 4096)]
)
def test_connections(memory_mib: int, connections: int) -> None:
    assert database_connections(memory_mib) == connections
