"""Messages as signed JSON: reading one never runs code, whoever can write to the broker."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from huey.registry import Message
from huey.serializer import Serializer

SIGNATURE_LENGTH = 64  # hexadecimal SHA-256


class SignedJSONSerializer(Serializer):
    """
    HMAC-SHA256 over JSON.

    Parameters
    ----------
    key : bytes
        Web and workers derive it from the same secret.
    """

    def __init__(self, key: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._key = key

    def _signature(self, body: bytes) -> bytes:
        return hmac.new(self._key, body, hashlib.sha256).hexdigest().encode()

    def _serialize(self, data: Any) -> bytes:
        wrapped = {"message": list(data)} if isinstance(data, Message) else {"data": data}
        body = json.dumps(wrapped).encode()
        return self._signature(body) + body

    def _deserialize(self, data: Any) -> Any:
        signature, body = bytes(data)[:SIGNATURE_LENGTH], bytes(data)[SIGNATURE_LENGTH:]
        if not hmac.compare_digest(signature, self._signature(body)):
            raise ValueError("a message of the queue is not signed with this site's key")
        wrapped = json.loads(body)
        if "message" in wrapped:
            message = Message(*wrapped["message"])
            return message._replace(args=tuple(message.args))
        return wrapped["data"]
