"""A TCP proxy whose connections can be made to fall silent: accepted, and never answered."""

from __future__ import annotations

import selectors
import socket
import threading


class SilencingProxy:
    """Forwards a port of this machine; :meth:`silence` freezes all connections there are."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._open: list[socket.socket] = []
        self._dead: set[socket.socket] = set()
        self._silent_new = False
        self._closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        """Stop forwarding on every open connection, for good; new ones fall silent too."""
        self._dead.update(self._open)
        self._silent_new = True

    def speak(self) -> None:
        """Serve new connections again."""
        self._silent_new = False

    def close(self) -> None:
        self._closing = True
        self._server.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _address = self._server.accept()
            except OSError:
                return
            self._open.append(client)
            if self._silent_new:
                self._dead.add(client)
            else:
                threading.Thread(target=self._pump, args=(client,), daemon=True).start()

    def _pump(self, client: socket.socket) -> None:
        try:
            upstream = socket.create_connection(("127.0.0.1", self._upstream))
        except OSError:
            client.close()
            return
        self._open.append(upstream)
        other = {client: upstream, upstream: client}
        with selectors.DefaultSelector() as selector:
            for one in other:
                selector.register(one, selectors.EVENT_READ)
            while True:
                for key, _events in selector.select(0.5):
                    source: socket.socket = key.fileobj  # type: ignore[assignment]
                    if source in self._dead:
                        return
                    try:
                        data = source.recv(65536)
                        if data:
                            other[source].sendall(data)
                            continue
                    except OSError:
                        pass
                    client.close()
                    upstream.close()
                    return
                if client in self._dead:
                    return
