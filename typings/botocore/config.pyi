# SPDX-License-Identifier: Apache-2.0
from typing import Any

class Config:
    def __init__(self, **options: Any) -> None: ...
