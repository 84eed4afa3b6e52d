"""Chromium without a window, as the tests drive it."""

import base64
import pathlib

from selenium import webdriver
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from service import PASSWORD, USER


class Browser:
    def __init__(self):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Driver("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(30)
        self.size(1440, 1000)

    def sign_in(self, control):
        """Gives the browser the credentials as its own dialogue would: for the origin, in answer to a challenge."""
        user = USER + ":" + PASSWORD.replace(":", "%3A")
        self.driver.get(control.replace("http://", f"http://{user}@") + "/page/style.css")

    def load(self, control, hash=""):
        self.driver.get("about:blank")
        # What was said before is of another page.
        self.complaints()
        self.driver.get(f"{control}/{hash}")

    def size(self, width, height):
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def media(self, **features):
        given = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.command("Emulation.setEmulatedMedia", features=given)

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        """What stands in an element, whether it can be seen or not."""
        return self.script("return document.querySelector(arguments[0]).textContent", selector)

    def seen(self, selector):
        """What can be read in all such elements; asked at once, since the page goes on meanwhile."""
        return self.script(
            "return [...document.querySelectorAll(arguments[0])].filter((one) => one.checkVisibility()).map((one) => one.innerText)",
            selector,
        )

    def wait(self, condition, seconds=30):
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: condition())

    def focused(self):
        """What has the focus: its selector, as far as that can be told."""
        return self.script(
            "const e = document.activeElement; return e.id ? '#' + e.id : e.className || e.tagName.toLowerCase()"
        )

    def press(self, key):
        webdriver.ActionChains(self.driver).send_keys(key).perform()

    def complaints(self):
        """What the console says: violations of the policy, errors of scripts, files that are not there."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def picture(self, folder, name):
        """A picture of the whole page, where pictures are wanted."""
        if not folder:
            return
        self.script("document.activeElement.blur(); scrollTo(0, 0)")
        shot = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        (pathlib.Path(folder) / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        self.driver.quit()
