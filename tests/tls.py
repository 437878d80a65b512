"""Redis behind TLS, with certificates of a CA that only the tests trust."""

import datetime
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CHUNK_BYTES = 65_536
DAY = datetime.timedelta(days=1)
SIGNS_CERTIFICATES = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, in files."""

    path: Path
    key_path: Path


class Authority:
    """A CA; its own certificate is at `path`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("ca")
        self.path = folder / "ca.pem"
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        key_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        found = self._builder("ca", self._key, days=1)
        found = found.add_extension(constraints, critical=True)
        found = found.add_extension(SIGNS_CERTIFICATES, critical=True)
        found = found.add_extension(key_id, critical=False)
        self.path.write_bytes(self._signed(found))

    def issue(self, name: str, *, days: int = 1) -> Certificate:
        """Return a certificate for 127.0.0.1 that is valid for some days from now.

        With a negative number it has expired.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        address = x509.DNSName("localhost")
        names = x509.SubjectAlternativeName([address])
        # Python 3.13 verifies as strictly as RFC 5280.
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(
            self._key.public_key()
        )
        found = self._builder(name, key, days=days)
        found = found.add_extension(names, critical=False)
        found = found.add_extension(issuer, critical=False)
        certificate = Certificate(
            self._folder / f"{name}.pem", self._folder / f"{name}.key"
        )
        certificate.path.write_bytes(self._signed(found))
        certificate.key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate

    def _builder(
        self, name: str, key: ec.EllipticCurvePrivateKey, *, days: int
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=_name(name),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - 10 * DAY,
            not_valid_after=now + days * DAY,
        )

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        found = builder.sign(self._key, hashes.SHA256())
        return found.public_bytes(serialization.Encoding.PEM)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class TlsServer(socketserver.ThreadingTCPServer):
    """Passes on what it gets by TLS to a Unix socket.

    Clients must have a certificate of the CA.
    """

    daemon_threads = True

    def __init__(self, target: Path, certificate: Certificate, ca: Authority) -> None:
        self.target = str(target)
        purpose = ssl.Purpose.CLIENT_AUTH
        self.context = ssl.create_default_context(purpose, cafile=str(ca.path))
        self.context.load_cert_chain(certificate.path, certificate.key_path)
        self.context.verify_mode = ssl.CERT_REQUIRED
        # Clients of TLS 1.3 send before they know that they are refused. What they are
        # told may be lost when their connection is reset because of that.
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        super().__init__(("127.0.0.1", 0), _Relay)


class _Relay(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, TlsServer)
        with (
            suppress(OSError),
            self.server.context.wrap_socket(self.request, server_side=True) as client,
            socket.socket(socket.AF_UNIX) as target,
        ):
            target.connect(self.server.target)
            while _pass_on(client, target):
                pass


def _pass_on(client: ssl.SSLSocket, target: socket.socket) -> bool:
    """Pass on what there is, in either direction; tell whether neither has ended."""
    other = {client: target, target: client}
    for each in [client] if client.pending() else select.select([*other], [], [])[0]:
        data = each.recv(CHUNK_BYTES)
        if not data:
            return False
        other[each].sendall(data)
    return True


@contextmanager
def behind_tls(target: Path, certificate: Certificate, ca: Authority) -> Iterator[int]:
    """Serve what listens on a Unix socket by TLS; yield the port."""
    with TlsServer(target, certificate, ca) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}
        )
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
