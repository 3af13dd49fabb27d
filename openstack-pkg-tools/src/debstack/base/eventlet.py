# SPDX-License-Identifier: Apache-2.0
"""What eventlet is told wherever a program of OpenStack runs."""

from __future__ import annotations

from typing import Final

#: Most programs of OpenStack load eventlet by way of a library, and nothing in them is run by it.
#: Unless told not to (eventlet/green/socket.py) it brings a DNS resolver of its own and a web
#: client: 22 MiB and 0.2 s of each process. Where it does run something, as in Swift and Cinder,
#: names are then looked up by the C library, which goes by nsswitch.conf, as all else here does.
ENVIRONMENT: Final = {"EVENTLET_NO_GREENDNS": "yes"}
