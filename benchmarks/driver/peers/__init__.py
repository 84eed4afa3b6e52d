"""The proxies that are compared, in the order of the table's columns."""

from .base import CACHE_BYTES, Context, Peer
from .floor import Floor
from .mitmproxy import Mitmproxy
from .nginx import Nginx
from .ours import FetchService
from .squid import Squid
from .trafficserver import TrafficServer
from .varnish import Varnish

KINDS: list[type[Peer]] = [FetchService, Nginx, TrafficServer, Varnish, Squid, Mitmproxy, Floor]

__all__ = ["CACHE_BYTES", "KINDS", "Context", "FetchService", "Peer"]
