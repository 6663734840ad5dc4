"""Runs a real Chroma server on loopback for tests."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from assistant.chroma_server import ChromaServer
from assistant.shared import SharedLibrary

START_SECONDS = 120.0


class ChromaRun:
    """`chroma run` in a process of its own, over a folder; it can be killed, and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = found.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = Path(sys.executable).with_name("chroma")
        self.folder.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [program, "run", "--path", self.folder, "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder)},
        )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert self._process.poll() is None, "chroma run ended"
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/api/v2/heartbeat", timeout=5):
                return
            time.sleep(0.05)
        raise AssertionError("chroma run doesn't answer")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextmanager
def chroma_run(folder: Path) -> Iterator[ChromaRun]:
    run = ChromaRun(folder)
    run.start()
    try:
        yield run
    finally:
        run.kill()


def make_name() -> str:
    """Make up a name of a library that no other test has."""
    return f"test-{secrets.token_hex(8)}"


def open_shared(
    folder: Path, url: str, *, name: str, embedding_model: str = "words", grace: float = 600
) -> SharedLibrary:
    server = ChromaServer(url)
    return SharedLibrary(folder, name=name, server=server, embedding_model=embedding_model, home=folder, grace=grace)
