# SPDX-License-Identifier: Apache-2.0
"""The NVMe targets of Linux: block devices that other hosts use over the network."""

from __future__ import annotations

from nvmet import nvme
from nvmet.nvme import ANAGroup, Host, Namespace, Port, Referral, Root, Subsystem

__all__ = ["ANAGroup", "Host", "Namespace", "Port", "Referral", "Root", "Subsystem", "nvme"]
