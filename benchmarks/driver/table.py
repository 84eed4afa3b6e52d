"""The table: all rows, in its order, and what ours must reach in each."""

from .fairness import Neighbour
from .million import Million
from .rows import Bound, Idle, Load, Row, Stampede

PLAIN = ("nginx", "ats", "varnish", "squid")


def rows(seconds: float) -> list[Row]:
    """All rows; `seconds` is how long one measurement of requests per second takes."""
    long = ("--seconds", str(seconds))
    short = ("--seconds", str(seconds / 2))
    alone = ("--requests", "150", "--pause", "2000")
    by_request, by_byte = ("cpu_request", "rate"), ("cpu_byte", "throughput")
    return [
        Load(
            "hit 10 KB", (*PLAIN, "floor"), by_request, (Bound("cpu_request", 0.85, ("nginx",)),), True,
            path="/hit/10k.bin", connections=32, options=long,
        ),
        Load(
            "hit 100 KB", (*PLAIN, "floor"), by_request, (Bound("cpu_request", 0.95, PLAIN),),
            path="/hit/100k.bin", connections=16, options=long,
        ),
        Load(
            "hit 1 MB", (*PLAIN, "floor"), by_byte, (Bound("cpu_byte", 0.9, PLAIN),),
            path="/hit/1m.bin", connections=8, options=long,
        ),
        Load(
            "hit 64 MB", (*PLAIN, "floor"), by_byte, (Bound("cpu_byte", 0.9, PLAIN),),
            path="/hit/64m.bin", connections=2, options=("--requests", "32"),
        ),
        Load(
            "hit 64 MB text", ("nginx",), (*by_byte, "disk"),
            (Bound("cpu_byte", 1.5, ("nginx",)), Bound("disk", 0.35, ("nginx",))),
            path="/hit/64m.txt", connections=2, options=("--requests", "32"),
        ),
        Load(
            "miss 10 KB", (*PLAIN, "floor"), by_request, (Bound("cpu_request", 1.0, ("ats",)),), True,
            path="/miss/10k.bin/{}", connections=16, options=short,
        ),
        Load(
            "miss 64 MB", (*PLAIN, "floor"), by_byte, (Bound("cpu_byte", 1.2, ("floor",)),), True,
            path="/miss/64m.bin/{}", options=("--requests", "6"),
        ),
        Load(
            "TLS hit 10 KB", ("nginx", "squid", "mitmproxy"), by_request, (Bound("cpu_request", 0.35, ("squid",)),),
            True, path="/hit/10k.bin", tls=True, connections=32, options=long,
        ),
        Load(
            "CONNECT, handshake, hit 10 KB", ("nginx", "squid", "mitmproxy"), by_request,
            (Bound("cpu_request", 0.15, ("squid",)), Bound("cpu_request", 1.25, ("nginx",))),
            path="/hit/10k.bin", tls=True, connections=4, options=(*long, "--close"),
        ),
        Load(
            "the same, resumed", ("nginx",), by_request,
            (Bound("cpu_request", 0.5, against_row="CONNECT, handshake, hit 10 KB"),),
            path="/hit/10k.bin", tls=True, connections=4, options=(*long, "--close", "--resume"),
        ),
        Load(
            "TLS miss 10 KB", ("nginx", "squid", "mitmproxy"), by_request, (), True,
            path="/miss/10k.bin/{}", tls=True, connections=16, options=short,
        ),
        Load(
            "TLS miss 64 MB", ("nginx", "squid", "mitmproxy"), by_byte,
            (Bound("cpu_byte", 0.5, ("squid",)), Bound("cpu_byte", 0.8, ("mitmproxy",))), True,
            path="/miss/64m.bin/{}", tls=True, options=("--requests", "6"),
        ),
        Load(
            "miss 10 KB alone", (*PLAIN, "floor"), ("added_first_byte",), (Bound("added_first_byte", 0.0003),), True,
            path="/miss/10k.bin/{}", options=alone,
        ),
        Load(
            "TLS miss 10 KB alone", ("nginx", "squid", "mitmproxy"), ("added_first_byte",), (), True,
            path="/miss/10k.bin/{}", tls=True, options=alone,
        ),
        Stampede(
            "100 clients, one absent 256 MB", PLAIN,
            ("origin_requests", "origin_share", "second_first_byte", "cpu_byte"),
            (
                Bound("origin_requests", 1), Bound("origin_share", 1.01), Bound("second_first_byte", 0.020),
            ),
        ),
        Idle("idle connection", PLAIN, ("connection_memory",), (Bound("connection_memory", 4 * 1024),)),
        Idle(
            "idle TLS connection", ("nginx", "squid", "mitmproxy"), ("connection_memory",),
            (Bound("connection_memory", 24 * 1024),), tls=True,
        ),
        Neighbour(
            "hits beside a session at its caps", (), ("rate_alike", "rate_crowded", "lost"), (Bound("lost", 0.20),),
            path="/hit/10k.bin", seconds=seconds,
        ),
        Neighbour(
            "misses beside a session at its caps", (), ("rate_alike", "rate_crowded", "lost"), (Bound("lost", 0.20),),
            path="/miss/10k.bin/{}", seconds=seconds,
        ),
        Million(
            "1,000,000 entries", (), ("ready", "first_hit", "memory"),
            (Bound("ready", 1), Bound("first_hit", 0.005), Bound("memory", 200e6)),
        ),
    ]
