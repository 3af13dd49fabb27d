# SPDX-License-Identifier: Apache-2.0
"""dashboard.py URL FOLDER: what a person does in the dashboard at URL, in Chromium.

The account is read from /root/account.json; FOLDER gets a screenshot of each step, and of the
moment at which one failed. Prints JSON: seconds of each step that was done, the failure if there
was one, what the console showed, and what Chromium itself complained about.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as until
from selenium.webdriver.support.wait import WebDriverWait

WAIT_S = 60.0
#: noVNC lets go of decoded frames without closing them, which is not ours to change.
_OF_NOVNC = "garbage collected without being closed"
START_S = 240.0
SERVER = "seen-by-a-person"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # It has a list of authorities of its own; whom machines trust, other tests show.
    "--ignore-certificate-errors",
    "--window-size=1440,1000",
)


def chromium(profile: str) -> Chrome:
    """Return Debian's Chromium under its driver, with nothing remembered in `profile`."""
    options = ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = "/usr/bin/chromium"
    return Chrome(options=options, service=ChromeService("/usr/bin/chromedriver"))


class Visit:
    """A person's visit: each step ends with what that person then sees."""

    def __init__(self, driver: Chrome, url: str, folder: Path) -> None:
        self.driver = driver
        self.url = url
        self.folder = folder
        self.done: dict[str, float] = {}
        self.failure = ""
        self.console: dict[str, Any] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done, and keep a picture of how it ended."""
        begin = time.monotonic()
        try:
            yield
        except WebDriverException as error:
            self.failure = f"{name} at {self.driver.current_url}: {error.msg or error!r}"
            self.picture("failed")
            raise
        self.picture(name)
        self.done[name] = round(time.monotonic() - begin, 1)

    def picture(self, name: str) -> None:
        """Keep what is on the screen."""
        self.driver.save_screenshot(str(self.folder / f"{name}.png"))

    def see(self, xpath: str, timeout_s: float = WAIT_S) -> WebElement:
        """Return the element as soon as it can be seen."""
        wait = WebDriverWait(self.driver, timeout_s)
        found: WebElement = wait.until(until.visibility_of_element_located((By.XPATH, xpath)))
        return found

    def click(self, xpath: str) -> None:
        """Click on the element as soon as that is possible."""
        wait = WebDriverWait(self.driver, WAIT_S)
        wait.until(until.element_to_be_clickable((By.XPATH, xpath))).click()

    def go(self, path: str) -> None:
        """Open a page of the dashboard."""
        self.driver.get(f"{self.url}{path}")

    def log_in(self, account: dict[str, str]) -> None:
        """Type name and password."""
        self.go("/")
        self.see("//input[@id='id_username']").send_keys(account["username"])
        self.see("//input[@id='id_password']").send_keys(account["password"])
        self.picture("login-page")
        self.click("//button[@id='loginBtn']")
        self.see("//*[contains(@class, 'user-name')]")

    def images(self) -> None:
        """Find the demo's image in the list, which Angular fills."""
        self.go("/project/images")
        self.see("//table//tr[.//*[normalize-space(text())='demo']]//*[contains(., 'Active')]")

    def topology(self) -> None:
        """Wait until both networks and the router between them are drawn."""
        self.go("/project/network_topology/")
        for name in ("external", "demo", "Router"):
            self.see(f"//*[@id='topology_canvas']//*[name()='text' and contains(., '{name}')]")

    def choose(self, step: str, form: str, name: str) -> None:
        """Take the row `name` in one step of the wizard, if it is not taken already."""
        self.click(f"//*[contains(@class, 'wizard-nav')]//a[normalize-space()='{step}']")
        row = f"//*[@ng-form='{form}']//tr[.//*[normalize-space(text())='{name}']]"
        arrow = self.see(
            f"{row}//*[contains(@class, 'fa-arrow-up') or contains(@class, 'fa-arrow-down')]"
        )
        if "fa-arrow-up" in (arrow.get_attribute("class") or ""):
            arrow.click()
            self.see(f"{row}//*[contains(@class, 'fa-arrow-down')]")

    def launch(self) -> None:
        """Fill in the wizard, and wait until the instance runs."""
        self.go("/project/instances/")
        self.click("//*[@id='instances__action_launch-ng']")
        self.see("//wizard//input[@id='name']").send_keys(SERVER)
        self.choose("Source", "launchInstanceSourceForm", "demo")
        self.choose("Flavor", "launchInstanceFlavorForm", "demo")
        self.choose("Networks", "launchInstanceNetworkForm", "demo")
        self.picture("wizard")
        self.click("//wizard//button[contains(@class, 'finish')]")
        row = f"//table[@id='instances']//tr[@data-display='{SERVER}']"
        self.see(row)
        self.see(f"{row}//td[contains(@class, 'status_up') and contains(., 'Active')]", START_S)

    def open_console(self) -> None:
        """Look at the screen of the instance, which comes by noVNC in a frame."""
        link = self.see(f"//table[@id='instances']//a[normalize-space()='{SERVER}']")
        page = urlsplit(str(link.get_attribute("href"))).path
        self.go(f"{page}?tab=instance_details__console")
        self.driver.switch_to.frame(self.see("//iframe[@id='console_embed']"))
        # noVNC's page without controls, which is what Nova leads to, says it in words alone.
        self.see("//*[@id='status'][starts-with(normalize-space(), 'Connected')]")
        canvas = self.see("//canvas")
        self.console = {"width": canvas.size["width"], "height": canvas.size["height"]}
        self.driver.switch_to.default_content()

    def log_out(self) -> None:
        """Sign out; the way back leads to the login page."""
        self.driver.execute_script("window.scrollTo(0, 0)")
        self.click("//*[contains(@class, 'user-menu')]/a")
        self.click("//*[contains(@class, 'user-menu')]//button[@type='submit']")
        self.see("//input[@id='id_username']")
        self.go("/project/instances/")
        self.see("//input[@id='id_username']")


def walk(visit: Visit, account: dict[str, str]) -> None:
    """Do all of it, until something fails."""
    try:
        with visit.step("login"):
            visit.log_in(account)
        with visit.step("images"):
            visit.images()
        with visit.step("topology"):
            visit.topology()
        with visit.step("instance"):
            visit.launch()
        with visit.step("console"):
            visit.open_console()
        with visit.step("logout"):
            visit.log_out()
    except WebDriverException:
        return  # it is told as the visit's failure


def main() -> None:
    """Visit the dashboard, and print how that went."""
    url, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    account = json.loads(Path("/root/account.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as profile:
        driver = chromium(profile)
        try:
            visit = Visit(driver, url, folder)
            walk(visit, account)
            complaints = [
                entry["message"]
                for entry in driver.get_log("browser")
                if entry["level"] == "SEVERE" and _OF_NOVNC not in entry["message"]
            ]
        finally:
            driver.quit()
    shown = {
        "seconds": visit.done,
        "failure": visit.failure,
        "console": visit.console,
        "complaints": complaints,
    }
    print(json.dumps(shown))


main()
