"""Peers that no lab has: an adbd that asks for a key, speaks TLS only, or says nothing sensible.

It speaks just enough of the protocol: CNXN, AUTH, and an echo of what ``exec:`` would run.
"""

from __future__ import annotations

import secrets
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType
from typing import Any


class FakeAdbd:
    """Listens on loopback; ``first_word`` answers CNXN, ``accepts`` decides on a signature."""

    def __init__(self, *, first_word: bytes = b"CNXN", public_key: Path | None = None) -> None:
        self._first_word = first_word
        self._public_key = public_key
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.shown_keys: list[bytes] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> FakeAdbd:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            try:
                self._talk(peer)
            except (OSError, EOFError):
                pass

    def _talk(self, peer: socket.socket) -> None:
        _receive(peer)  # its CNXN
        if self._first_word == b"AUTH" and not self._authorize(peer):
            while True:  # the dialog on the screen is never answered
                _receive(peer)
        if self._first_word not in {b"CNXN", b"AUTH"}:
            peer.sendall(self._first_word.ljust(24, b"\0") if len(self._first_word) != 4 else b"")
            if len(self._first_word) == 4:
                _send(peer, self._first_word, 0x01000000, 0)
            while peer.recv(1000):
                pass
            return
        _send(peer, b"CNXN", 0x01000000, 4096, b"device::\0")
        while True:
            word, local, _, data = _receive(peer)
            if word == b"OPEN":
                _send(peer, b"OKAY", 1, local)
                _send(peer, b"WRTE", 1, local, self._answer(data))
                _receive(peer)  # OKAY
                _send(peer, b"CLSE", 1, local)

    def _answer(self, service: bytes) -> bytes:
        marker = service.rpartition(b"echo '")[2].partition(b"'")[0]
        return b"hello\n" + marker + b"0\n"

    def _authorize(self, peer: socket.socket) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, utils

        token = secrets.token_bytes(20)
        while True:
            _send(peer, b"AUTH", 1, 0, token)
            word, kind, _, data = _receive(peer)
            assert word == b"AUTH"
            if kind == 3:  # the public key, for the user to accept
                self.shown_keys.append(data)
                return False
            try:
                if self._public_key is not None:
                    key: Any = _private_key(self._public_key).public_key()
                    key.verify(data, token, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))
                    return True
            except InvalidSignature:
                continue


def _private_key(path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(path.read_bytes(), None)


def _receive(peer: socket.socket) -> tuple[bytes, int, int, bytes]:
    head = _exactly(peer, 24)
    word, first, second, size, _, _ = struct.unpack("<4s5I", head)
    return word, first, second, _exactly(peer, size)


def _send(peer: socket.socket, word: bytes, first: int, second: int, data: bytes = b"") -> None:
    magic = int.from_bytes(word, "little") ^ 0xFFFFFFFF
    peer.sendall(struct.pack("<4s5I", word, first, second, len(data), sum(data), magic) + data)


def _exactly(peer: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = peer.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data
