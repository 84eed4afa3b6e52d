"""The operator's page in a browser; run it with Tests/Page/run."""

import os
import time
import unittest

import scripted
from browser import Browser
from origin import Origin
from scripted_service import ScriptedService
from selenium.webdriver.common.keys import Keys
from service import Service

PICTURES = os.environ.get("PAGE_PICTURES", "")

# Where a page would show that something from outside got into it as markup.
TRAPS = "img, iframe, object, embed, form, base, script:not([src='/page/app.js']), [onerror], [style*='url']"


class PageTestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(setattr, cls, "browser", None)
        cls.service = Service()
        cls.addClassCleanup(cls.service.close)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.browser.media(prefers_color_scheme="light")
        self.browser.size(1440, 1000)

    def assertQuiet(self):
        """The console has nothing to say, and nothing from outside became markup."""
        self.assertEqual(self.browser.complaints(), [])
        self.assertEqual(self.browser.all(TRAPS), [])
        self.assertNotIn("taken over", self.browser.driver.title)

    def wait_until_shown(self):
        self.browser.wait(lambda: self.browser.text("#health") in ("Ready", "Not ready"))

    def tab_to(self, selector, limit=60):
        """Presses the tabulator until something has the focus."""
        for _ in range(limit):
            self.browser.press(Keys.TAB)
            if self.browser.script("return document.activeElement.matches(arguments[0])", selector):
                return
        self.fail(f"the keyboard does not reach {selector}")


class RealServiceTests(PageTestCase):
    """The page of a service that does real work."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.origin = Origin()
        cls.addClassCleanup(cls.origin.close)
        cls.browser.sign_in(cls.service.control)

    def test_nothing_of_the_page_is_given_away(self):
        for path in ("/", "/page/app.js", "/page/style.css", "/metrics"):
            for credentials in ({}, {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}):
                status, fields, body = self.service.ask("GET", path, None, credentials)
                self.assertEqual((status, body), (401, b"401 Unauthorized"))
                self.assertTrue(fields["WWW-Authenticate"].startswith("Basic "))
            self.assertEqual(self.service.ask("GET", path)[0], 200)
        _, fields, _ = self.service.ask("GET", "/")
        policy = fields["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(fields["X-Content-Type-Options"], "nosniff")
        self.assertEqual(fields["Cache-Control"], "no-store")
        self.assertEqual(fields["Referrer-Policy"], "no-referrer")

    def test_numbers_and_sessions_are_those_of_the_service(self):
        session = self.service.open()
        for _ in range(4):
            self.service.fetch(session, self.origin.url("/a"))
        self.browser.load(self.service.control)
        self.wait_until_shown()
        self.browser.wait(lambda: session["id"][:12] in self.browser.text("#sessions-rows"))
        self.assertEqual(self.browser.text("#health"), "Ready")
        self.assertFalse(self.browser.all("#banner:not([hidden])"))
        row = self.browser.wait(
            lambda: next((text for text in self.browser.seen("#sessions-rows tr") if session["id"][:12] in text and "160" in text), None)
        )
        self.assertIn("permissive", row)
        metrics = self.service.ask("GET", "/metrics")[2].decode().splitlines()
        requests = sum(int(line.split()[1]) for line in metrics if line.startswith("fetch_service_requests_total{"))
        self.assertIn(f", {requests} in all", self.browser.text("#tile-requests-more"))
        self.assertRegex(self.browser.text("#tile-hits-more"), r"\d.* in all$")
        self.assertQuiet()
        self.service.revoke(session)

    def test_a_session_is_shown_while_it_goes_on(self):
        name = scripted.HOSTILE.replace("\u0007", "")
        session = self.service.open(name=name, labels={"build": "4711"})
        self.addCleanup(self.service.revoke, session)
        self.service.fetch(session, self.origin.url("/live/one.tar.gz"))
        self.browser.load(self.service.control, f"#session={session['id']}")
        self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 1)
        self.assertEqual(self.browser.text("#detail-state"), "Active")
        # Nobody claims it, so that a permissive session gets it with its reason.
        self.assertIn("Rejected", self.browser.text("#detail-rows"))
        self.assertTrue(self.browser.text("#detail-rows td:last-child"))
        self.assertIn("build=4711", self.browser.text("#detail-facts"))
        self.assertIn("\\u{202e}gpj.exe", self.browser.text("#detail-title"))
        under_way = self.service.fetch(session, self.origin.url("/slow/two.iso"), wait=False)
        self.addCleanup(under_way.close)
        transfer = self.browser.wait(lambda: next((text for text in self.browser.seen("#transfers-rows tr") if "of 2.00\u202fMB" in text), None))
        self.assertIn("two.iso", transfer)
        self.assertIn("origin · delivering", transfer)
        self.browser.wait(lambda: 0.4 < self.browser.script("return document.querySelector('#transfers-rows progress')?.value") < 0.6)
        self.browser.picture(PICTURES, "live")
        self.origin.mayGoOn.set()
        while under_way.recv(1 << 16):
            pass
        self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 2)
        self.assertIn("two.iso", self.browser.text("#detail-rows tr"), "the newest stands first")
        self.browser.wait(lambda: self.browser.seen("#transfers-empty") == ["Nothing is under way."])
        self.assertNotIn("\u202e", self.browser.text("main"))
        self.assertQuiet()

    def test_a_revoked_session_shows_its_report(self):
        session = self.service.open()
        self.service.fetch(session, self.origin.url("/report/one.tar.gz"))
        self.service.fetch(session, self.origin.url("/missing"))
        self.service.fetch(session, "http://127.0.0.1:1/refused")
        hostile = scripted.HOSTILE.replace(" ", "%20").replace("\u0007", "")
        self.service.fetch(session, self.origin.url("/" + hostile).encode())
        self.service.revoke(session)
        self.browser.load(self.service.control, f"#session={session['id']}")
        self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 4)
        text = self.browser.text("#detail-rows")
        self.assertIn("one.tar.gz", text)
        self.assertIn("404", text)
        self.assertIn("Refused", text)
        self.assertIn("<img", text)
        self.assertIn("\\u{202e}", text)
        self.assertNotIn("\u202e", text)
        self.assertQuiet()

    def test_a_service_that_is_not_ready_or_gone_is_told(self):
        service = Service()
        try:
            self.browser.sign_in(service.control)
            self.browser.load(service.control)
            self.wait_until_shown()
            (service.folder / "state/.store/records.reserve").unlink()
            self.browser.wait(lambda: "its reserve is used up" in " ".join(self.browser.seen("#banner")))
            self.assertEqual(self.browser.text("#health"), "Not ready")
            # That the answer was 503 stands in the console, which is right.
            self.browser.complaints()
            self.browser.picture(PICTURES, "not-ready")
            service.kill()
            self.browser.wait(lambda: "does not answer" in " ".join(self.browser.seen("#banner")))
            self.assertEqual(self.browser.text("#health"), "Connection lost")
            self.assertIn("Connection lost", self.browser.driver.title)
        finally:
            service.close()


class ScriptedServiceTests(PageTestCase):
    """The page of a service that is made up: busy, old, lost, hostile."""

    def setUp(self):
        super().setUp()
        self.scripted = ScriptedService(self.service)
        self.addCleanup(self.scripted.close)
        self.addCleanup(setattr, self.scripted, "isLost", True)
        self.scripted.answers = {
            "/metrics": (200, scripted.Busy()),
            "/sessions": (200, scripted.sessions),
            "/transfers": (200, scripted.Transfers()),
            "/readyz": (200, "ready"),
        }
        for session in scripted.sessions()["sessions"]:
            path = f"/session/{session['session-id']}"
            if session["state"] == "revoked":
                self.scripted.answers[path] = (200, scripted.report(session))
            else:
                self.scripted.answers[path] = (400, "session token is active")
                self.scripted.events[f"{path}/live"] = scripted.events()
        self.browser.sign_in(self.scripted.control)

    def load(self, hash=""):
        self.browser.load(self.scripted.control, hash)
        self.wait_until_shown()

    def id(self, index):
        return scripted.sessions()["sessions"][index]["session-id"]

    def hurry(self, factor):
        """Lets the page's time go so much faster from the next load on, so that its charts fill."""
        made = self.browser.command(
            "Page.addScriptToEvaluateOnNewDocument",
            source=f"""{{
                const [now, wait, start] = [Date.now, setTimeout, Date.now()];
                Date.now = () => start + (now() - start) * {factor};
                window.setTimeout = (body, time) => wait(body, time / {factor});
            }}""",
        )
        self.addCleanup(
            self.browser.command, "Page.removeScriptToEvaluateOnNewDocument", identifier=made["identifier"]
        )

    def test_what_comes_from_outside_stays_text(self):
        self.load()
        text = self.browser.text("#sessions-rows") + self.browser.text("#transfers-rows")
        self.assertEqual(text.count("<img src=x"), 3, "in a session's name, in a URL, and where a transfer names its session")
        self.assertNotIn("\u202e", text)
        self.assertIn("\\u{202e}gpj.exe\\u{7}", text)
        self.browser.script("location.hash = arguments[0]", f"session={self.id(2)}")
        self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 6)
        text = self.browser.text("#detail")
        self.assertEqual(text.count("\\u{202e}gpj.exe"), 3)
        self.assertNotIn("\u202e", text)
        self.assertQuiet()

    def test_an_active_session_tells_what_it_does(self):
        self.load(f"#session={self.id(0)}")
        self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 6)
        verdicts = self.browser.seen("#detail-rows .verdict")
        self.assertEqual(verdicts, ["… Open", "404", "! Failed", "⊘ Refused", "? Unknown", "✓ Approved"])
        self.assertIn("no inspector knows this type", self.browser.text("#detail-rows"))
        buttons = {text.rsplit(" ", 1)[0]: text.rsplit(" ", 1)[1] for text in self.browser.seen("#detail-filter button")}
        self.assertEqual(buttons, {"All": "6", "Artifacts": "3", "Rejected": "0", "Refused": "1", "Failed": "1", "Other answers": "1"})
        self.browser.all("#detail-filter button")[3].click()
        self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 1)
        self.assertIn("no inspector claims it", self.browser.text("#detail-rows"))
        self.browser.all("#detail-rows .expand")[0].click()
        self.assertIn("10.1.2.3:40112", self.browser.seen("#detail-rows .more")[0])
        self.assertQuiet()

    def test_a_session_that_is_revoked_meanwhile_shows_its_report(self):
        path = f"/session/{self.id(0)}"
        self.load(f"#session={self.id(0)}")
        self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 6)
        found = scripted.sessions()
        found["sessions"][0]["state"] = "revoked"
        self.scripted.answers[path] = (200, scripted.report(found["sessions"][0]))
        self.scripted.answers["/sessions"] = (200, found)
        self.browser.wait(lambda: "✗ Rejected" in self.browser.seen("#detail-rows .verdict"))
        self.assertEqual(self.browser.text("#detail-state"), "Revoked")
        self.assertIn("its SHA-256 is not the one of the package index", self.browser.text("#detail-rows"))
        found["sessions"].pop(0)
        self.browser.wait(lambda: self.browser.text("#detail-state") == "Ended")
        self.assertIn("its record is gone", self.browser.seen("#detail-note")[0])
        self.assertQuiet()

    def test_the_keyboard_reaches_everything(self):
        self.load()
        self.tab_to(".skip")
        self.assertEqual(self.browser.seen(".skip"), ["Skip to the sessions"])
        self.browser.press(Keys.ENTER)
        self.tab_to("#sessions-filter", 2)
        self.browser.press("rock")
        self.browser.wait(lambda: len(self.browser.all("#sessions-rows tr")) == 1)
        self.tab_to("#sessions .scroll", 2)
        self.tab_to("#sessions-rows button", 1)
        outline = self.browser.script("return getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual(outline, "solid", "the focus is to be seen")
        self.browser.press(Keys.ENTER)
        self.browser.wait(lambda: self.browser.focused() == "#detail-title")
        self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 6)
        self.tab_to("#detail-rows .expand", 12)
        self.browser.press(Keys.SPACE)
        self.browser.wait(lambda: self.browser.seen("#detail-rows .more"))
        # What was opened and what has the focus stays so while the page is brought up to date.
        steps = self.scripted.answers["/metrics"][1].steps
        self.browser.wait(lambda: self.scripted.answers["/metrics"][1].steps > steps + 1)
        self.assertTrue(self.browser.seen("#detail-rows .more"))
        self.assertTrue(self.browser.script("return document.activeElement.matches('.expand')"))
        self.browser.script("document.getElementById('detail-close').focus()")
        self.browser.press(Keys.ENTER)
        self.browser.wait(lambda: not self.browser.seen("#detail"))
        self.assertTrue(self.browser.script("return document.activeElement.matches('#sessions-rows button')"))
        self.assertQuiet()

    def test_nothing_jumps_when_the_page_is_brought_up_to_date(self):
        self.load(f"#session={self.id(1)}")
        self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 6)
        self.browser.script("""
            window.shifts = 0;
            new PerformanceObserver((list) => {
              for (const one of list.getEntries()) window.shifts += one.value;
            }).observe({ type: "layout-shift", buffered: false });
        """)
        steps = self.scripted.answers["/metrics"][1].steps
        self.browser.wait(lambda: self.scripted.answers["/metrics"][1].steps > steps + 3)
        self.assertLess(self.browser.script("return window.shifts"), 0.01)

    def test_an_older_service_is_shown_as_far_as_it_goes(self):
        status = {"active-sessions": [{key: value for key, value in one.items() if key not in ("totals", "name", "labels", "state")} | {"exchanges": 7, "delivered": 9} for one in scripted.sessions()["sessions"]]}
        self.scripted.answers.pop("/sessions")
        self.scripted.answers.pop("/transfers")
        self.scripted.answers["/status"] = (200, status)
        self.scripted.events.clear()
        self.load(f"#session={self.id(0)}")
        self.browser.wait(lambda: len(self.browser.all("#sessions-rows tr")) == 8)
        self.assertEqual(self.browser.seen("#transfers-empty"), ["This service does not list transfers."])
        self.browser.wait(lambda: "does not tell what an active session does" in " ".join(self.browser.seen("#detail-note")))
        self.assertEqual(self.browser.text("#health"), "Ready")

    def test_a_service_with_nothing_to_do_says_so(self):
        self.scripted.answers["/sessions"] = (200, {"sessions": []})
        self.scripted.answers["/transfers"] = (200, {"transfers": [], "truncated": False})
        self.scripted.answers["/metrics"] = (200, "process_start_time_seconds 5\nfetch_service_requests_open 0\n")
        self.load()
        self.assertEqual(self.browser.seen("#sessions-empty"), ["No session is open."])
        self.assertEqual(self.browser.seen("#transfers-empty"), ["Nothing is under way."])
        self.assertEqual(self.browser.seen("#errors-empty"), ["None."])
        self.assertQuiet()
        self.browser.picture(PICTURES, "empty")

    def test_a_lost_connection_is_told_and_found_again(self):
        self.load()
        self.scripted.isLost = True
        self.browser.wait(lambda: self.browser.text("#health") == "Connection lost")
        self.assertIn("What stands here is of", self.browser.seen("#banner")[0])
        self.assertTrue(self.browser.seen("#sessions-rows tr"), "what was known stays")
        self.browser.picture(PICTURES, "lost")
        self.scripted.isLost = False
        self.browser.wait(lambda: self.browser.text("#health") == "Ready")
        self.assertEqual(self.browser.seen("#banner"), [])

    def test_it_fits_from_a_telephone_to_a_wide_screen(self):
        for width in (360, 390, 768, 1024, 1440, 2560):
            self.browser.size(width, 900)
            self.load(f"#session={self.id(1)}")
            self.browser.wait(lambda: len(self.browser.all("#detail-rows tr")) == 6)
            needed = self.browser.script("return document.documentElement.scrollWidth")
            self.assertLessEqual(needed, width, f"at {width} pixels")

    def test_text_has_enough_contrast(self):
        pairs = [("text", "back"), ("text", "surface"), ("muted", "back"), ("muted", "surface"), ("muted", "raised")]
        pairs += [("accent", "surface"), ("accent", "raised"), ("second", "surface")]
        pairs += [(name, f"{name}-back") for name in ("good", "bad", "warn")] + [(name, "surface") for name in ("good", "bad", "warn")]
        for scheme in ("light", "dark"):
            self.browser.media(prefers_color_scheme=scheme)
            self.load()
            for front, back in pairs:
                ratio = contrast(*(self.color(name) for name in (front, back)))
                self.assertGreaterEqual(ratio, 4.5, f"{front} on {back}, {scheme}: {ratio:.2f}")

    def color(self, name):
        text = self.browser.script("return getComputedStyle(document.documentElement).getPropertyValue('--' + arguments[0])", name)
        return [int(text.strip()[index : index + 2], 16) / 255 for index in (1, 3, 5)]

    def test_the_charts_follow_the_numbers(self):
        self.hurry(60)
        self.load(f"#session={self.id(1)}")
        # Until the line begins at the left edge.
        start = "return parseFloat(document.querySelector('#chart-bytes .line').getAttribute('d').slice(1))"
        self.browser.wait(lambda: (self.browser.script(start) or 600) < 20, 60)
        ends = """const [label, lines] = ['.most', 'svg'].map((part) => document.querySelector('#chart-bytes ' + part));
            return [label.getBoundingClientRect().bottom, lines.getBoundingClientRect().top]"""
        bottom, top = self.browser.script(ends)
        self.assertLessEqual(bottom, top + 1, "the scale covers the highest values")
        label = self.browser.script("return document.querySelector('#chart-bytes svg').getAttribute('aria-label')")
        self.assertRegex(label, r"^Throughput, last 10 minutes: now to clients .*B/s, from origins .*B/s; highest .*B/s$")
        self.assertRegex(self.browser.text("#chart-hits figcaption"), r"Hit rate.*%")
        self.assertRegex(self.browser.text("#tile-hits"), r"^\d\d\.\d%$")
        self.assertEqual([row.split()[0] for row in self.browser.seen("#latency-rows tr")][0], "hit")
        self.assertQuiet()
        for scheme in ("light", "dark"):
            self.browser.media(prefers_color_scheme=scheme)
            for width in (1440, 390):
                self.browser.size(width, 1000)
                time.sleep(0.3)
                self.browser.picture(PICTURES, f"{scheme}-{width}")
        self.browser.size(1440, 1000)
        self.browser.all("#range button")[1].click()
        self.browser.wait(lambda: "last 60 minutes" in self.browser.script("return document.querySelector('#chart-bytes svg').getAttribute('aria-label')"))


def contrast(front, back):
    """The contrast of two colours (WCAG 2.2, "contrast ratio")."""

    def luminance(color):
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(front), luminance(back)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


if __name__ == "__main__":
    unittest.main()
