"""
The preloaded parent: imports Django and the TOM once, then forks a guard for each run.

It is started by exec, has one thread and no database connection, and says so when it is ready:
only then is a fork safe. It lives until its worker closes the socket and the last guard has ended.

Orphans of a guard that was killed become its children, and are killed.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import sys
import sysconfig
import threading
import time
import traceback
from typing import Any, NoReturn

from tom_pipeline_core.executors.child_process import process_tree, wire
from tom_pipeline_core.executors.child_process.guard import guard
from tom_pipeline_core.executors.child_process.run import prepare_django


def main(root: str, connection: int) -> NoReturn:
    """Serve one worker over an inherited socket."""
    sock = socket.socket(fileno=connection)
    request = wire.unpack(sock.recv)
    sys.path[:] = [*request["sys_path"]]
    if root not in sys.path:
        sys.path.append(root)
    try:
        sock.sendall(wire.pack(_preload(request)))
    except OSError:
        os._exit(0)  # the worker ended meanwhile
    _serve(sock)


def _preload(request: dict[str, Any]) -> dict[str, Any]:
    """Import what runs need; return what the worker must know to judge whether a fork is safe."""
    began = time.monotonic()
    try:
        gc.disable()
        prepare_django(request["settings_environment"], request["environment"])
        for name in request["preload"]:
            importlib.import_module(name)
        from django.db import connections

        opened = [one.alias for one in connections.all(initialized_only=True) if one.connection]
    except BaseException:  # noqa: BLE001 - SystemExit too: the worker logs it and does without
        return {"error": traceback.format_exc()}
    gc.collect()
    gc.freeze()  # the collector would touch, and so copy, pages that the children share
    gc.enable()
    return {
        "error": "",
        "threads": _count_threads(),
        "connections": opened,
        "seconds": time.monotonic() - began,
        "files": _own_files(),
    }


def _count_threads() -> int:
    if process_tree.HAS_PROC:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - threads of compiled code too
    return threading.active_count()


def _own_files() -> list[str]:
    """Return source files that were loaded and can change without an installation."""
    installed = tuple(
        {
            sysconfig.get_path(name) + os.sep
            for name in ("stdlib", "platstdlib", "purelib", "platlib")
        }
    )
    files = {
        file
        for module in list(sys.modules.values())
        if (file := getattr(module, "__file__", None)) and os.path.isabs(file)  # noqa: PTH117
    }
    return sorted(file for file in files if not file.startswith(installed))


def _serve(sock: socket.socket) -> NoReturn:
    process_tree.adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    guards: set[int] = set()
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    poller.register(wake_read, select.POLLIN)
    wanted = True
    while wanted or guards:
        for descriptor, _event in poller.poll():
            if descriptor == wake_read:
                _drain(wake_read)
                _look_after(guards)
            elif (message := _receive(sock)) is None:
                wanted = False
                poller.unregister(sock)
            else:
                request, descriptors = message
                guards.add(_fork(sock, request, descriptors, (wake_read, wake_write)))
                for descriptor_ in descriptors:
                    os.close(descriptor_)
    os._exit(0)


def _receive(sock: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    try:
        return wire.receive_with_descriptors(sock, 3)
    except (EOFError, OSError):
        return None


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 512):
            pass
    except BlockingIOError:
        pass


def _look_after(guards: set[int]) -> None:
    """Forget guards that have ended; kill what those that were killed have left."""
    ended = process_tree.reap_children()
    if guards & ended.keys():
        guards.difference_update(ended)
        process_tree.kill_below(os.getpid(), without=guards)


def _fork(
    sock: socket.socket, request: dict[str, Any], descriptors: list[int], ours: tuple[int, int]
) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            signal.set_wakeup_fd(-1)
            sock.close()
            for descriptor in ours:
                os.close(descriptor)
            lifeline, output, records = descriptors
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(nothing)
            os.close(output)
            guard(request, lifeline, records)
        except BaseException:  # noqa: BLE001 - nothing may escape into the parent's loop
            traceback.print_exc()
        finally:
            os._exit(1)
    _answer(sock, pid)
    return pid


def _answer(sock: socket.socket, pid: int) -> None:
    """Tell the worker who the guard is, with a descriptor that says when it has ended."""
    watch = [os.pidfd_open(pid)] if hasattr(os, "pidfd_open") else []
    try:
        wire.send_with_descriptors(sock, {"pid": pid}, watch)
    except OSError:
        pass  # the worker has gone; the guard notices by its lifeline
    for descriptor in watch:
        os.close(descriptor)
