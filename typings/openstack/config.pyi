# SPDX-License-Identifier: Apache-2.0
from typing import Any

class OpenStackConfig:
    def get_one(self, cloud: str | None = ...) -> Any: ...
