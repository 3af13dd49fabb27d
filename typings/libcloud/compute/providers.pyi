# SPDX-License-Identifier: Apache-2.0
from typing import Any

def get_driver(provider: str) -> Any: ...
