# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

from selenium.webdriver import Chrome
from selenium.webdriver.remote.webelement import WebElement

def visibility_of_element_located(
    locator: tuple[str, str],
) -> Callable[[Chrome], WebElement]: ...
def element_to_be_clickable(locator: tuple[str, str]) -> Callable[[Chrome], WebElement]: ...
