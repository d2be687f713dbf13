"""HareMQ for tests: a broker in a `with` statement, and a pytest plugin.

    import haremq

    with haremq.broker() as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.uri))

The fixtures `haremq`, `haremq_vhost` and `haremq_own` of the plugin are in `haremq.pytest_plugin`.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from ._binary import find_binary
from ._broker import Broker
from ._clock import Clock
from ._contents import Contents, Message, Queue
from ._errors import ApiError, BrokerError, HaremqError
from ._faults import Fault, FaultKind, Faults, Moment
from ._vhost import Snapshot, Vhost

broker = Broker.start

try:
    __version__ = version("haremq")
except PackageNotFoundError:
    # The sources without an installation; the version is the program's.
    __version__ = "0"

__all__ = [
    "ApiError",
    "Broker",
    "BrokerError",
    "Clock",
    "Contents",
    "Fault",
    "FaultKind",
    "Faults",
    "HaremqError",
    "Message",
    "Moment",
    "Queue",
    "Snapshot",
    "Vhost",
    "broker",
    "find_binary",
]
