"""Answers of a busy service, for the scripted one."""

import math
import time

HOSTILE = "<img src=x onerror=\"document.title='taken over'\"> \u202egpj.exe\u0007"

SOURCES = ["network", "cache", "revalidated", "joined", "own"]
RATES = {"hit": 180, "revalidated": 12, "stale": 1, "joined": 6, "miss": 60, "private": 4, "refused": 1.5, "error": 0.6}


class Busy:
    """Numbers that grow with every look at them, by two seconds' worth."""

    def __init__(self):
        self.steps = 0
        self.totals = dict.fromkeys(RATES, 0.0)
        self.bytes = dict.fromkeys(SOURCES, 0.0)
        self.received = 0.0
        self.start = time.time() - 3 * 3600

    def __call__(self):
        self.steps += 1
        load = 1 + 0.6 * math.sin(self.steps / 21) + 0.25 * math.sin(self.steps / 4.3)
        for name, rate in RATES.items():
            share = 1 + 0.5 * math.sin(self.steps / 33) if name == "miss" else 1
            self.totals[name] += rate * load * share * 2
        self.bytes["cache"] += 90e6 * load * 2
        self.bytes["network"] += 22e6 * load * 2
        self.received += 21e6 * load * 2
        lines = [
            f"process_start_time_seconds {self.start}",
            f"process_cpu_seconds_total {self.steps * 0.9}",
            "process_resident_memory_bytes 214000000",
            "process_open_fds 412",
            "process_max_fds 65536",
            'fetch_service_build_info{version="0.1.0"} 1',
            "fetch_service_requests_open 7",
            "fetch_service_sessions_opened_total 1284",
            'fetch_service_sessions{policy="strict"} 9',
            'fetch_service_sessions{policy="permissive"} 3',
            "fetch_service_cache_bytes 14812345678",
            "fetch_service_cache_limit_bytes 21474836480",
            "fetch_service_cache_content_bytes 22812345678",
            "fetch_service_cache_blobs 48211",
            "fetch_service_cache_responses 51877",
            "fetch_service_disk_free_bytes 380000000000",
            "fetch_service_evicted_blobs_total 1822",
            "fetch_service_evicted_bytes_total 9822000000",
            'fetch_service_record_rows_total{way="journal"} 812345',
            'fetch_service_record_rows_total{way="commit"} 1204',
            "fetch_service_journal_rows 36",
            "fetch_service_journal_bytes 61000",
            "fetch_service_connections_open 96",
            "fetch_service_connections_unauthenticated 2",
            'fetch_service_origin_connections{state="active"} 5',
            'fetch_service_origin_connections{state="idle"} 41',
            "fetch_service_fills_open 5",
            "fetch_service_fills_resumed_total 3",
            f"fetch_service_received_bytes_total {self.received}",
            'fetch_service_errors_total{cause="destination_ip_prohibited"} 211',
            'fetch_service_errors_total{cause="http_response_timeout"} 4',
            'fetch_service_errors_total{cause="dns_error"} 0',
        ]
        for queue in ("storage", "inspect", "leaves", "resolve", "loops", "recorder", "catalog", "control"):
            lines.append(f'fetch_service_queue_waiting{{queue="{queue}"}} {3 if queue == "inspect" else 0}')
            lines.append(f'fetch_service_queue_running{{queue="{queue}"}} {2 if queue == "inspect" else 0}')
            lines.append(f'fetch_service_queue_refused_total{{queue="{queue}"}} 0')
        for name, total in self.totals.items():
            lines.append(f'fetch_service_requests_total{{outcome="{name}"}} {total:.0f}')
            slowness = {"hit": 1, "miss": 700, "private": 900}.get(name, 40)
            for index in range(23):
                bound = 25e-6 * 2**index
                share = 1 - math.exp(-bound / (0.00012 * slowness))
                lines.append(f'fetch_service_first_byte_seconds_bucket{{outcome="{name}",le="{bound}"}} {total * share:.0f}')
            lines.append(f'fetch_service_first_byte_seconds_bucket{{outcome="{name}",le="+Inf"}} {total:.0f}')
        for source, sent in self.bytes.items():
            lines.append(f'fetch_service_sent_bytes_total{{source="{source}"}} {sent:.0f}')
        return "\n".join(lines) + "\n"


def stamp(ago):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime(time.time() - ago))


def sessions():
    names = ["snap-core24-amd64", "rock-python-3.12", HOSTILE, "", "charm-postgresql-k8s", "deb-hello-2.12", "", "kernel-noble-riscv64"]
    found = []
    for index, name in enumerate(names):
        refused = 3 if index == 1 else 0
        found.append(
            {
                "session-id": f"{index:02x}a3f9c47b1d42468ace0f3a5c7e9b1d"[:32],
                "name": name,
                "labels": {"arch": "amd64", "build": str(4711 + index)} if index % 2 else {},
                "policy": "permissive" if index % 3 == 2 else "strict",
                "state": "revoked" if index == 1 else "active",
                "start-time": stamp(7000 - index * 800),
                "age": 7000 - index * 800,
                "timeout": 21600,
                "totals": {
                    "exchanges": 211 * (index + 1),
                    "delivered": 48_000_000 * (index + 1) ** 2,
                    "refused-requests": refused,
                    "failed-transfers": index % 2,
                },
            }
        )
    return {"sessions": found}


class Transfers:
    """Transfers that go on with every look."""

    def __init__(self):
        self.steps = 0

    def __call__(self):
        self.steps += 1
        urls = [
            ("http://archive.example/ubuntu/pool/main/l/linux/linux-image-6.11.0-9-generic_6.11.0-9.9_amd64.deb", 0, 14_500_000),
            ("https://files.pythonhosted.example/packages/0a/1b/c8d1f0a9b5/numpy-2.1.3-cp312-cp312-manylinux_2_17_x86_64.whl", 1, 16_300_000),
            (f"http://evil.example/{HOSTILE}/a.tar.gz", 2, None),
            ("https://crates.example/api/v1/crates/serde_json/1.0.132/download", 4, 155_000),
        ]
        return {
            "transfers": [
                {
                    "session-id": sessions()["sessions"][session]["session-id"],
                    "method": "GET",
                    "url": url,
                    "start-time": stamp(9 - index),
                    "stage": "delivering" if size else "waiting",
                    "source": "network" if index else "joined",
                    "delivered": min(size or 0, (size or 0) * (self.steps % 40) // 40),
                    **({"size": size} if size else {}),
                }
                for index, (url, session, size) in enumerate(urls)
            ],
            "truncated": False,
        }


def exchange(number, category, url, **more):
    return {
        "number": number,
        "category": category,
        "start-time": stamp(600 - number),
        "end-time": stamp(599 - number),
        "method": "GET",
        "url": url,
        "address": "10.1.2.3:40112",
        "status-code": 200,
        "status": "200 OK",
        "source": "network",
        "size": 12_345 * number,
        "delivered": 12_345 * number,
        "sha256": f"{number:064x}",
        **more,
    }


def events():
    pool = "http://archive.example/ubuntu/pool/main"
    return [
        ("state", {"state": "active"}),
        ("exchange", exchange(1, "artifact", f"{pool}/h/hello/hello_2.12.1-1_amd64.deb", result="Approved")),
        ("exchange", exchange(2, "artifact", "https://pypi.example/simple/requests/", result="Unknown", source="cache", **{"response-inspection": {"default": {"opinion": "Unknown", "reason": "no inspector knows this type"}}})),
        (
            "exchange",
            exchange(3, "refusal", f"http://evil.example/{HOSTILE}", reason=f"no inspector claims it: {HOSTILE}", size=0, source="none"),
        ),
        ("exchange", exchange(4, "failure", f"{pool}/b/big/big_1_all.deb", reason="the client is gone", truncated=True)),
        ("exchange", exchange(5, "response", "https://pypi.example/simple/nothing/", **{"status-code": 404, "status": "404 Not Found"})),
        ("exchange", exchange(6, "artifact", f"{pool}/z/zlib/zlib1g_1.3_amd64.deb")),
    ]


def report(session):
    def inspected(opinion, reason):
        return {"deb": {"opinion": opinion, "reason": reason}, "default": {"opinion": "Unknown", "reason": ""}}

    artifacts = []
    for index, (name, result, reason) in enumerate(
        [
            ("curl", "Approved", "listed in a verified package index"),
            ("libssl3", "Approved", "listed in a verified package index"),
            ("backdoor", "Rejected", "its SHA-256 is not the one of the package index"),
            ("notes", "Unknown", "no inspector knows this type"),
        ]
    ):
        artifacts.append(
            {
                "result": result,
                "metadata": {"name": name, "version": f"8.{index}-1", "type": "application/vnd.debian.binary-package", "sha256": f"{index:064x}", "size": 133_000 * (index + 1)},
                "request-inspection": inspected("Pending", "a pool URL of a configured archive"),
                "response-inspection": inspected(result, reason),
                "downloads": [exchange(index + 1, "artifact", f"http://archive.example/ubuntu/pool/main/{name[0]}/{name}/{name}_8.{index}-1_amd64.deb")],
            }
        )
    return {
        **session,
        "end-time": stamp(60),
        "record-complete": True,
        "artifacts": artifacts,
        "refused-requests": [exchange(5, "refusal", "http://10.0.0.1/", reason="download authorization denied: request rejected by inspectors", source="none")],
        "failed-transfers": [],
        "responses": [exchange(6, "response", "http://archive.example/ubuntu/dists/noble/InRelease", **{"status-code": 304, "status": "304 Not Modified"})],
        "totals": {"exchanges": 6, "delivered": 798_000},
    }
