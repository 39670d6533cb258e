"""The worker's side of the preloaded parent: started, asked for runs, replaced when code changed."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from tom_pipeline_core.executors.child_process import wire
from tom_pipeline_core.executors.child_process.environment import threads
from tom_pipeline_core.executors.child_process.fingerprint import Fingerprint, fingerprint
from tom_pipeline_core.executors.child_process.start import run_path, start_interpreter

logger = logging.getLogger(__name__)

PRELOAD = ("tom_pipeline_core.runner.preload",)
ANSWER_LIMIT = 5.0  # seconds for a fork, which takes milliseconds
MOST_DEATHS = 2
RETRY_AFTER = 60.0  # seconds until a parent that could not be made is tried again


class NoParent(Exception):
    """No preloaded parent can be had; the text says why."""


class PreloadedParent:
    """
    Forks guards; one per executor, shared by the threads of a worker.

    Parameters
    ----------
    environment : mapping
        Variables of the runs.
    preload : tuple of str
        Modules to import besides Django and the TOM.
    start_limit : float
        Seconds it may take to be ready.
    """

    def __init__(
        self, environment: Mapping[str, str], preload: tuple[str, ...], *, start_limit: float
    ) -> None:
        self._environment = dict(environment)
        self._preload = [*PRELOAD, *preload]
        self._start_limit = start_limit
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._owner = 0
        self._path: list[str] = []
        self._files: list[str] = []
        self._print: Fingerprint = frozenset()
        self._retired: list[subprocess.Popen[bytes]] = []
        self._failed_at = float("-inf")
        self._failed_print: Fingerprint = frozenset()
        self._failure = ""
        self._deaths = 0

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return None if self._process is None else self._process.pid

    def fork(
        self, make_request: Callable[[], dict[str, Any]], descriptors: list[int]
    ) -> tuple[int, int | None]:
        """
        Fork a guard for a run; the request is made when the parent is ready.

        Returns
        -------
        tuple
            Pid of the guard, and a pidfd of it where the system has them.

        Raises
        ------
        NoParent
            If nothing was forked.
        OSError
            If a guard may have been forked: it ends when its lifeline does.
        """
        with self._lock:
            self._bury()
            self._send(make_request, descriptors)
            assert self._socket is not None
            try:
                answer = wire.receive_with_descriptors(self._socket, 1)
                if answer is None:
                    raise ConnectionError("it has ended")
                message, watch = answer
                return int(message["pid"]), (watch[0] if watch else None)
            except (OSError, EOFError, ValueError) as error:
                self._retire(kill=True)
                raise ConnectionError(f"the preloaded parent did not answer: {error}") from error

    def _send(self, make_request: Callable[[], dict[str, Any]], descriptors: list[int]) -> None:
        for tried in (1, 2):
            self._make_ready()
            assert self._socket is not None
            try:
                wire.send_with_descriptors(self._socket, make_request(), descriptors)
            except OSError as error:
                # It did not get the whole request, and so has forked nothing.
                self._retire(kill=True)
                if tried == 2:
                    raise NoParent(f"the preloaded parent does not listen: {error}") from error
            else:
                return

    def warm_up(self) -> None:
        """Start it before the first run wants it; why it failed is logged."""
        with self._lock:
            try:
                self._make_ready()
            except NoParent as error:
                logger.warning("%s; runs start in fresh interpreters", error)

    def close(self) -> None:
        """Let it go: it ends when the last of its runs has."""
        with self._lock:
            self._retire()
            deadline = time.monotonic() + 2
            while self._retired and time.monotonic() < deadline:
                self._bury()
                time.sleep(0.01)

    # -- under the lock -------------------------------------------------------------------------

    def _make_ready(self) -> None:
        if self._socket is not None and self._owner != os.getpid():
            self._socket = self._process = None  # this process was forked; the parent is not its
        if self._process is not None and self._process.poll() is not None:
            logger.warning("The preloaded parent ended (%s) and is made anew", self._process.poll())
            self._retire()
        path = run_path()
        if self._socket is not None:
            if fingerprint(path, self._files) == self._print and path == self._path:
                return
            logger.info("Installed code or settings changed: the preloaded parent is made anew")
            self._retire()
        if time.monotonic() - self._failed_at < RETRY_AFTER and self._failed_print == fingerprint(
            path, self._files
        ):
            raise NoParent(self._failure)
        try:
            self._start(path)
        except (OSError, EOFError, ValueError, NoParent) as error:
            self._retire(kill=True)
            # Killed while it was loading is no reason to go without; twice may be one.
            self._deaths = self._deaths + 1 if isinstance(error, EOFError) else MOST_DEATHS
            if self._deaths < MOST_DEATHS:
                raise NoParent(f"the preloaded parent cannot be used: {error}") from error
            self._failed_at = time.monotonic()
            self._failed_print = fingerprint(path, self._files)
            self._failure = f"the preloaded parent cannot be used: {error}"
            raise NoParent(self._failure) from error

    def _start(self, path: list[str]) -> None:
        installed = fingerprint(path, ())
        began = time.time_ns()
        ours, theirs = socket.socketpair()
        with theirs:
            self._socket, self._owner = ours, os.getpid()
            ours.settimeout(self._start_limit)
            # One thread when libraries are loaded: a fork copies no others.
            loading = {**os.environ, **self._environment, **threads(1)}
            self._process = start_interpreter(
                "preloaded", theirs.fileno(), environment={**self._environment, **threads(1)}
            )
        ours.sendall(
            wire.pack(
                {
                    "sys_path": path,
                    "preload": self._preload,
                    "settings_environment": loading,
                    "environment": self._environment,
                }
            )
        )
        try:
            ready = wire.unpack(ours.recv)
        except TimeoutError as error:
            raise NoParent(f"it was not ready after {self._start_limit:g} s") from error
        if ready["error"]:
            raise NoParent(f"loading failed:\n{ready['error']}")
        if ready["threads"] > 1 or ready["connections"]:
            raise NoParent(
                f"after loading {', '.join(self._preload)} it has {ready['threads']} threads and "
                f"{len(ready['connections'])} open database connections, so a fork is not safe"
            )
        ours.settimeout(ANSWER_LIMIT)
        self._deaths = 0
        self._path, self._files = path, list(ready["files"])
        self._print = fingerprint(path, self._files)
        changed = {mark for mark in self._print if began <= mark[1] <= time.time_ns()}
        if changed or not installed <= self._print:
            # Code changed while it was loading: nobody knows what it holds.
            self._print = frozenset()
        logger.info(
            "Preloaded parent %d is ready after %.1f s", self._process.pid, ready["seconds"]
        )

    def _retire(self, *, kill: bool = False) -> None:
        if self._socket is not None:
            self._socket.close()
        if self._process is not None and self._owner == os.getpid():
            if kill:
                self._process.kill()
            self._retired.append(self._process)
        self._socket = self._process = None

    def _bury(self) -> None:
        self._retired = [process for process in self._retired if process.poll() is None]
