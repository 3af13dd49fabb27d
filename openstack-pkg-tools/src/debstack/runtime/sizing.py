# SPDX-License-Identifier: Apache-2.0
"""How many processes and connections suit a machine. Pure."""

from __future__ import annotations

#: Share of the memory that all API services of a machine may take together.
_SHARE = 0.4
_FEWEST = 2


def wsgi_processes(
    *, cpus: int, memory_mib: int, units: int, process_memory_mib: int, max_processes: int
) -> int:
    """Return the number of processes of one of `units` WSGI services.

    One per CPU, within the memory and the declared bound, and at least two where the memory allows
    it, so that one may be busy.
    """
    fits = int(memory_mib * _SHARE / max(units, 1) / max(process_memory_mib, 1))
    wanted = max(cpus, _FEWEST)
    return max(1, min(wanted, fits, max_processes))


def database_connections(memory_mib: int) -> int:
    """Return how many connections the database server should take, a power of two from 512 up."""
    connections = 512
    while connections < 4096 and connections * 8 < memory_mib:
        connections *= 2
    return connections
