"""The service's control API."""

import base64
import json
import urllib.error
import urllib.request
from http.client import HTTPResponse

from .processes import BenchmarkError


class Control:
    """Calls with the administrator's credentials."""

    def __init__(self, authority: str, credentials: str) -> None:
        self._root = f"http://{authority}"
        self._credentials = base64.b64encode(credentials.encode()).decode()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def open(self, method: str, path: str, body: dict[str, object] | None = None) -> HTTPResponse:
        """The answer, to be read by the caller."""
        request = urllib.request.Request(
            f"{self._root}{path}", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {self._credentials}", "Content-Type": "application/json"},
        )
        try:
            return self._opener.open(request, timeout=120)
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
            raise BenchmarkError(f"{method} {path}: {error.code} {reason}") from None
        except OSError as error:
            raise BenchmarkError(f"{method} {path}: {error}") from None

    def call(self, method: str, path: str, body: dict[str, object] | None = None) -> dict:
        """The answer as JSON; nothing when it is empty."""
        with self.open(method, path, body) as answer:
            text = answer.read()
        return json.loads(text) if text else {}
