"""The port on which the history is shown, from the start to Ctrl-C."""

from __future__ import annotations

import errno
import importlib.util
import ipaddress
import socket

from android_bench.errors import UsageError
from android_bench.history.errors import HistoryError
from android_bench.history.history import open_history
from android_bench.terminal import console


def serve_history(url: str | None, *, host: str, port: int) -> None:
    """Show a history until somebody ends it; its address is printed when it answers.

    Raises:
        HistoryMissingError: there is no history yet.
        UsageError: the port is taken, or is not ours to take.
    """
    if importlib.util.find_spec("starlette") is None or importlib.util.find_spec("uvicorn") is None:
        raise HistoryError(
            "Showing the history needs Starlette and uvicorn, which are not installed.",
            hint='pip install "android-bench[history]"',
        )
    import uvicorn

    from android_bench.history.web.app import make_app

    with open_history(url, create=False) as history, _listening(host, port) as listener:
        local = is_loopback(host)
        app = make_app(history, hosts=("127.0.0.1", "localhost", "::1", host) if local else None)
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=2,
        )
        name = f"[{host}]" if ":" in host else host
        print(f"http://{name}:{listener.getsockname()[1]}/", flush=True)
        console.say(f"The history in {history.label}, until Ctrl-C.")
        if not local:
            console.say(
                f"It listens on {host}: everybody who reaches this computer there can read it."
            )
        try:
            uvicorn.Server(settings).run(sockets=[listener])
        except KeyboardInterrupt:
            console.say("Ended.")


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _listening(host: str, port: int) -> socket.socket:
    """A socket on the port.

    Raises:
        UsageError: it is taken, or not ours to take.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        free = "android-bench serve --port 0 takes a free one."
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"Port {port} on {host} is taken.", hint=free) from None
        if error.errno == errno.EACCES:
            raise UsageError(f"Port {port} is for the system only.", hint=free) from None
        raise UsageError(
            f"Nothing can listen on {host}: {error.strerror or error}.",
            hint="Without --host it listens on 127.0.0.1.",
        ) from None
