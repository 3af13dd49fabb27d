# SPDX-License-Identifier: Apache-2.0
class By:
    XPATH: str
    CSS_SELECTOR: str
