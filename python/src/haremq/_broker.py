"""A broker for tests: one that is started here, or one that runs already."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from ._api import TEST_API, Api
from ._binary import StrPath, find_binary
from ._clock import Clock, Span, milliseconds
from ._contents import Contents
from ._errors import BrokerError
from ._faults import Faults
from ._process import Fate, Process
from ._settings import Config, Definitions, command
from ._vhost import Snapshot, Vhost, contents

START_SECONDS = 10.0
# An advance does the work of all the time that it skips.
ADVANCE_SECONDS = 300.0
NO_CONFIG: Config = {}


class Broker:
    """A broker and what a test wants of it.

    Attributes:
        host: where it listens.
        port: the port of AMQP.
        uri: where a client connects, in the virtual host `/` as the user `user`.
        management_url: the address of the management API and its pages, without a login.
        user: an administrator.
        password: the administrator's.
        faults: what it does wrong on demand.
    """

    def __init__(self, api: Api, host: str, port: int, process: Process | None = None) -> None:
        """Use `start`, `connect` or `haremq.broker`."""
        self._api = api
        self._process = process
        self._fate = Fate(process, process.log_path if process else None)
        api.explain = self._fate.explain
        self.host = host
        self.port = port
        self.user = api.user
        self.password = api.password
        self.management_url = api.url
        self.faults = Faults(api)

    @classmethod
    def start(
        cls,
        *,
        config: Config = NO_CONFIG,
        definitions: Definitions | None = None,
        data_dir: StrPath | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        management_port: int = 0,
        binary: StrPath | None = None,
        log_level: str = "info",
        args: Sequence[str] = (),
        timeout: float = START_SECONDS,
    ) -> Broker:
        """Starts a broker and returns when it can be used; `stop` ends it.

        It sees neither the configuration files of this machine nor the variables `HAREMQ_…` and
        `RABBITMQ_…`. It ends with this process, however that ends.

        Args:
            config: keys of `haremq.conf` and their values.
            definitions: users, virtual hosts, queues and so on; a file, or what would be in it.
            data_dir: keep messages in this folder; in memory if not given.
            host: the address to listen on.
            port: the port for AMQP; any free one if 0.
            management_port: the port of the management API; any free one if 0.
            binary: the program; see `find_binary`.
            log_level: the least serious level that is logged.
            args: more arguments of the program.
            timeout: seconds until it must be ready.

        Raises:
            BrokerError: there is no program, or it did not start; with the last lines of its log.
        """
        program = find_binary(binary)
        folder = Process.make_folder()
        try:
            line = command(
                program,
                folder,
                config=config,
                definitions=definitions,
                data_dir=data_dir,
                host=host,
                port=port,
                management_port=management_port,
                log_level=log_level,
                args=args,
            )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        process = Process(folder)
        # The file of the configuration is the only one that is read.
        process.start(line, {"HAREMQ_CONFIG_FOLDER": str(folder / "none")}, timeout)
        try:
            ports = json.loads((folder / "ports").read_text(encoding="utf-8"))
            login = _login(config)
            api = Api(f"http://{login}@{_bracketed(host)}:{ports['management']}")
            return cls(api, host, ports["amqp"], process)
        except BaseException:
            process.stop()
            raise

    @classmethod
    def connect(
        cls, url: str, *, port: int | None = None, log_path: StrPath | None = None
    ) -> Broker:
        """Uses a broker that runs already, with `--test-api`; it is not ended here.

        Args:
            url: its management API, `http://user:password@host:port`; an administrator.
            port: its port of AMQP; asked for if not given.
            log_path: its log, for errors that show the last lines.

        Raises:
            BrokerError: nobody answers, or it has no port for AMQP without TLS.
            ApiError: it refuses the user.
        """
        api = Api(url)
        broker = cls(api, api.host, port or _port_of(api))
        broker._fate.log_path = Path(log_path) if log_path else None
        return broker

    @property
    def uri(self) -> str:
        """Where a client connects, in the virtual host `/`."""
        return self.uri_of("/")

    def uri_of(self, vhost: str) -> str:
        """Where a client connects, in this virtual host as this broker's `user`."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"amqp://{login}@{_bracketed(self.host)}:{self.port}/{quote(vhost, safe='')}"

    @property
    def pid(self) -> int | None:
        """The process, if it was started here."""
        return self._process.pid if self._process else None

    def log(self) -> str:
        """What it logged so far, if it was started here."""
        return self._fate.log()

    def handle(self) -> dict[str, Any]:
        """What `connect` needs in another process of this machine; holds the password."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@"
        return {
            "url": self.management_url.replace("://", f"://{login}", 1),
            "port": self.port,
            "log_path": str(self._fate.log_path) if self._fate.log_path else None,
        }

    def vhost(self, name: str | None = None, user: str | None = None) -> Vhost:
        """Makes a virtual host with a user of its own, both with random names if none is given.

        `with broker.vhost() as vhost:` deletes them at the end, and closes connections to it.
        """
        return Vhost.make(self._api, name, user)

    def contents(self, vhost: str = "/") -> Contents:
        """What is in a virtual host: queues with their messages, exchanges, bindings, connections.

        Looking changes nothing.
        """
        return contents(self._api, vhost)

    def snapshot(self, vhost: str = "/") -> Snapshot:
        """Keeps a virtual host's definitions and messages as they are now, to return to them."""
        return Snapshot.take(self._api, vhost)

    def clock(self) -> Clock:
        """What the clock shows."""
        return Clock.of(self._api.get(f"{TEST_API}/clock"))

    def advance(self, by: Span) -> Clock:
        """Moves the clock of the whole broker forward, by seconds or a `timedelta`.

        Returns when everything that falls due until then is done, in the order of its moments:
        messages and queues that expire, delays, late consumers, and the dead letters of all these.
        What clients do with what they are handed meanwhile comes after that.

        Raises:
            ValueError: a negative span.
            ApiError: messages go in a circle without end.
        """
        wanted = {"ms": milliseconds(by)}
        path = f"{TEST_API}/clock/advance"
        return Clock.of(self._api.post(path, wanted, timeout=ADVANCE_SECONDS))

    def freeze(self) -> Clock:
        """Stops the clock, so that only `advance` moves it. Heartbeats keep to real time."""
        return Clock.of(self._api.post(f"{TEST_API}/clock/freeze"))

    def resume(self) -> Clock:
        """Lets the clock go on."""
        return Clock.of(self._api.post(f"{TEST_API}/clock/resume"))

    def stop(self) -> None:
        """Ends it in order, and removes its files. Nothing if it was not started here.

        Raises:
            BrokerError: it had ended by itself or did not end well; with the last lines of its log.
        """
        if self._process:
            self._process.stop()

    def __repr__(self) -> str:
        """Where it is, without the password."""
        return f"<Broker {self.host}:{self.port}, management {self.management_url}>"

    def __enter__(self) -> Broker:
        """Is running already."""
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Ends it if it was started here."""
        try:
            self.stop()
        except BrokerError:
            # What went wrong first says more than that the broker is gone.
            if error is None:
                raise


def _login(config: Config) -> str:
    user = str(config.get("default_user", "guest"))
    password = str(config.get("default_pass", "guest"))
    return f"{quote(user, safe='')}:{quote(password, safe='')}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _port_of(api: Api) -> int:
    listeners = api.get("/api/overview").get("listeners", [])
    for listener in listeners:
        if listener.get("protocol") == "amqp" and isinstance(listener.get("port"), int):
            return int(listener["port"])
    raise BrokerError(f"{api.url} tells of no port for AMQP without TLS")
