"""What is seen of the service when systemd runs it; runs as root in the container that `systemd` boots."""

import base64
import http.server
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

UNIT = "fetch-service.service"
SOCKETS = ["fetch-service.socket", "fetch-service-control.socket"]
CREDENTIALS = "farm:pass:word"
SECRET = "builder:kept-over-restarts"
CONTROL = "http://127.0.0.1:9999"


def run(*words: str, check: bool = True) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}\n{journal()}")
    return done.stdout


def journal() -> str:
    return subprocess.run(["journalctl", "-u", UNIT, "-o", "cat", "--no-pager"], capture_output=True, text=True).stdout


def shown(name: str) -> str:
    """A property of the unit."""
    return run("systemctl", "show", "--value", "-p", name, UNIT).strip()


def wait_for(what: str, condition, at_most: float = 30.0):
    deadline = time.monotonic() + at_most
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {at_most} s for {what}\n{run('systemctl', 'status', UNIT, check=False)}{journal()}")
        time.sleep(0.05)
    return value


def ask(method: str, path: str, body: object = None) -> object:
    request = urllib.request.Request(
        CONTROL + path, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Basic " + base64.b64encode(CREDENTIALS.encode()).decode()})
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
        return json.loads(text) if text else None


class Origin:
    """Answers with the credentials that came with a request."""

    def __init__(self) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                came = self.headers.get("Authorization", "").removeprefix("Basic ")
                body = b"right" if base64.b64decode(came).decode() == SECRET else b"without"
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Build:
    """A session, and a client of it."""

    def __init__(self, **wanted: object) -> None:
        self.session = ask("POST", "/session", {"policy": "permissive", **wanted})
        proxy = f"http://{self.session['id']}:{self.session['token']}@127.0.0.1:9988"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))

    def get(self, url: str) -> str:
        with self.opener.open(url, timeout=60) as answer:
            return answer.read().decode()


class UnderSystemd(unittest.TestCase):
    """In the order of their names, each going on where the one before stopped."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.origin = Origin()
        Path("/etc/fetch/acl.yaml").write_text(
            "http-proxy:\n  rules:\n    - dst: [127.0.0.0/8]\n      access: allow\n")
        Path("/etc/fetch/service.yaml").write_text("permissive-mode: true\n")
        Path("/etc/default/fetch-service").write_text(f"FETCH_SERVICE_AUTH={CREDENTIALS}\n")
        # More often than in the unit, so that a sign of life that stays away is noticed here.
        drop_in = Path(f"/run/systemd/system/{UNIT}.d/test.conf")
        drop_in.parent.mkdir(parents=True)
        drop_in.write_text("[Service]\nWatchdogSec=4s\n")
        run("systemctl", "daemon-reload")
        run("systemctl", "start", *SOCKETS)

    def test_1_the_first_connection_starts_it(self) -> None:
        self.assertEqual(shown("ActiveState"), "inactive")
        self.assertEqual(ask("GET", "/status")["active-sessions"], [])
        self.assertEqual(wait_for("the service", lambda: shown("ActiveState") == "active"), True)
        self.assertIn("proxy at http://", shown("StatusText"))
        process = shown("MainPID")
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
        user = run("id", "-u", "fetch-service").strip()
        self.assertEqual(set(status["Uid"].split()), {user})
        self.assertEqual((int(status["CapEff"], 16), status["NoNewPrivs"], status["Seccomp"]), (0, "1", "2"))
        variables = Path(f"/proc/{process}/environ").read_bytes()
        self.assertNotIn(CREDENTIALS.encode(), variables)

    def test_2_fetchctl_finds_it(self) -> None:
        self.assertIn("0.", run("fetchctl", "version"))
        file = Path("/tests/acl.yaml")
        file.write_text(Path("/etc/fetch/acl.yaml").read_text() + "# written again\n")
        self.assertIn("acl configuration updated", run("fetchctl", "update-config", "--type", "acl", str(file)))
        self.assertIn("# written again", Path("/etc/fetch/acl.yaml").read_text())
        self.assertIn("permissive-mode", run("fetchctl", "config", "check", "/etc/fetch"))
        Build(name="listed")
        self.assertIn("listed", run("env", f"FETCH_SERVICE_AUTH={CREDENTIALS}", "fetchctl", "sessions"))

        backup = Path("/tests/backup")
        self.assertIn("1 session, ", run("fetchctl", "backup", str(backup)))
        self.assertEqual((backup.stat().st_mode & 0o777, backup.stat().st_uid), (0o600, 0))
        self.assertEqual(len(json.loads(run("fetchctl", "restore", "--json", str(backup)))["known"]), 1)

    def test_3_a_reload_reads_the_files_again(self) -> None:
        run("systemctl", "reload", UNIT)
        self.assertIn("the log was opened anew", wait_for("a reload", journal))
        wait_for("the end of the reload", lambda: shown("ActiveState") == "active")

    def test_4_restarts_under_load_fail_nobody_and_keep_sessions_and_secrets(self) -> None:
        secret = {"type": "basic-auth", "url": self.origin.url + "/**", "basic-credentials": SECRET, "allow-http": True}
        build = Build(secrets=[secret])
        answers: list[str] = []
        isOver = threading.Event()

        def load(number: int) -> None:
            count = 0
            while not isOver.is_set():
                try:
                    answers.append(build.get(f"{self.origin.url}/{number}/{count}"))
                except OSError as error:
                    answers.append(f"{error}")
                count += 1

        clients = [threading.Thread(target=load, args=(number,)) for number in range(4)]
        for client in clients:
            client.start()
        processes = {shown("MainPID")}
        for _ in range(3):
            before = len(answers)
            wait_for("answers", lambda: len(answers) > before + 20)
            run("systemctl", "restart", UNIT)
            processes.add(shown("MainPID"))
        before = len(answers)
        wait_for("answers", lambda: len(answers) > before + 20)
        isOver.set()
        for client in clients:
            client.join()
        self.assertEqual(len(processes), 4)
        self.assertEqual(set(answers), {"right"}, journal())
        self.assertEqual(shown("NFileDescriptorStore"), "0")
        self.assertEqual(shown("Result"), "success")
        self.assertIn("sessions whose secrets were handed over: 1", journal())
        type(self).build = build

    def test_5_a_killed_service_comes_back_without_the_secrets(self) -> None:
        os.kill(int(shown("MainPID")), signal.SIGKILL)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.build.get(self.origin.url + "/after")
        self.assertEqual(refused.exception.code, 503)
        self.assertIn("session secrets lost", refused.exception.read().decode())
        self.assertEqual(shown("NRestarts"), "1")

    def test_6_signs_of_life_are_given(self) -> None:
        process = shown("MainPID")
        time.sleep(6)
        self.assertEqual((shown("MainPID"), shown("NRestarts")), (process, "1"))

    def test_7_an_upgrade_of_the_package_refuses_nobody(self) -> None:
        build = Build()
        process = shown("MainPID")
        done = subprocess.Popen(
            ["dpkg", "-i", "--force-confold", "/tests/package.deb"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        count = 0
        while done.poll() is None:
            self.assertEqual(build.get(f"{self.origin.url}/upgrade/{count}"), "without")
            count += 1
        output, _ = done.communicate()
        self.assertEqual(done.returncode, 0, output)
        self.assertNotEqual(shown("MainPID"), process)
        self.assertGreater(count, 0)

    def test_8_it_stops_and_starts_again_with_its_sessions(self) -> None:
        before = {session["session-id"] for session in ask("GET", "/status")["active-sessions"]}
        run("systemctl", "stop", *SOCKETS, UNIT)
        self.assertEqual((shown("ActiveState"), shown("Result")), ("inactive", "success"))
        with socket.socket() as client:
            self.assertNotEqual(client.connect_ex(("127.0.0.1", 9988)), 0)
        run("systemctl", "start", UNIT)
        after = {session["session-id"] for session in ask("GET", "/status")["active-sessions"]}
        self.assertEqual(after, before)
        self.assertGreater(len(after), 1)

    def test_9_removing_the_package_ends_it(self) -> None:
        run("dpkg", "--purge", "fetch-service")
        for unit in [*SOCKETS, UNIT]:
            self.assertNotEqual(run("systemctl", "is-active", unit, check=False).strip(), "active")
        self.assertFalse(Path("/var/lib/fetch").exists())


if __name__ == "__main__":
    program = unittest.main(verbosity=2, exit=False)
    if program.result.wasSuccessful():
        Path("/tests/passed").touch()
