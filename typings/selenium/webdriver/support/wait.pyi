# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import TypeVar

from selenium.webdriver import Chrome

_T = TypeVar("_T")

class WebDriverWait:
    def __init__(self, driver: Chrome, timeout: float) -> None: ...
    def until(self, method: Callable[[Chrome], _T]) -> _T: ...
