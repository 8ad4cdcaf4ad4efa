"""The console's protocol, as AOSP's external/qemu speaks it (android/console.c)."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable
from pathlib import Path

TOKEN_FILE = ".emulator_console_auth_token"


def token_file() -> Path:
    return Path(os.environ["HOME"]) / TOKEN_FILE


def make_token() -> str:
    """The user's token; made when there is none, as the emulator does."""
    file = token_file()
    if not file.exists():
        file.write_text(secrets.token_urlsafe(12))
        file.chmod(0o600)
    return file.read_text().strip()


class ConsoleServer:
    """Answers on a listening socket until the process ends. ``kill`` calls what it is given."""

    def __init__(self, listener: socket.socket, avd: str, kill: Callable[[], None]) -> None:
        self._listener, self._avd, self._kill = listener, avd, kill
        self._token = make_token()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        authenticated = not self._token
        with peer, peer.makefile("r", encoding="utf-8", newline="\n") as lines:
            if authenticated:
                self._say(peer, "Android Console: type 'help' for a list of commands\nOK")
            else:
                self._say(
                    peer,
                    "Android Console: Authentication required\n"
                    "Android Console: type 'auth <auth_token>' to authenticate\n"
                    f"Android Console: you can find your <auth_token> in \n'{token_file()}'\nOK",
                )
            for line in lines:
                words = line.strip().split()
                if words[:1] == ["auth"]:
                    authenticated = self._authenticate(peer, words[1:]) or authenticated
                elif words == ["ping"]:
                    self._say(peer, "I am alive!\nOK")
                elif words == ["avd", "name"]:
                    self._say(peer, f"{self._avd}\nOK")
                elif words == ["quit"]:
                    return
                elif words == ["kill"] and authenticated:
                    self._say(peer, "OK: killing emulator, bye bye")
                    self._kill()
                else:
                    self._say(peer, "KO: unknown command, try 'help'")

    def _authenticate(self, peer: socket.socket, words: list[str]) -> bool:
        if not words:
            self._say(peer, "KO: missing authentication token")
        elif words[0] != self._token:
            self._say(peer, f"KO: authentication token does not match ~/{TOKEN_FILE}")
        else:
            self._say(peer, "Android Console: type 'help' for a list of commands\nOK")
            return True
        return False

    @staticmethod
    def _say(peer: socket.socket, text: str) -> None:
        peer.sendall(text.replace("\n", "\r\n").encode() + b"\r\n")
