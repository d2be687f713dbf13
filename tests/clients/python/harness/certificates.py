"""Certificates for one test, made by the openssl of the machine."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

OPENSSL = shutil.which("openssl")


@dataclass(frozen=True)
class Certificates:
    """An authority, a server that is called localhost, and a client that is called app."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        made = cls(folder)
        made._openssl("req", "-x509", "-days", "2", "-subj", "/CN=CA", *made._key("ca"), "-out", "ca.pem")
        made._issue("server", "/CN=localhost", "subjectAltName=DNS:localhost")
        made._issue("client", "/O=Example/CN=app", "extendedKeyUsage=clientAuth")
        return made

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def lines(self) -> list[str]:
        """The lines of a configuration with TLS on a free port."""
        return [
            "listeners.ssl.default = 0",
            f"ssl_options.certfile = {self.path('server.pem')}",
            f"ssl_options.keyfile = {self.path('server.key')}",
            f"ssl_options.cacertfile = {self.path('ca.pem')}",
        ]

    def _issue(self, name: str, subject: str, extension: str) -> None:
        (self.folder / "extensions").write_text(extension + "\n")
        self._openssl("req", "-subj", subject, *self._key(name), "-out", f"{name}.csr")
        self._openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-days", "2", "-extfile", "extensions"),
            *("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem"),
        )

    def _key(self, name: str) -> list[str]:
        curve = ["-pkeyopt", "ec_paramgen_curve:prime256v1"]
        return ["-newkey", "ec", *curve, "-nodes", "-keyout", f"{name}.key"]

    def _openssl(self, *arguments: str) -> None:
        assert OPENSSL is not None
        command = [OPENSSL, *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
