"""Client for a Thump server's multiplexed WebSocket, based on docs/protocol.md. Implements RFC 6455 framing itself."""

import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import urllib.parse

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Closed(Exception):
    """The socket is closed. `code` is the close code, or 1006 if there was no close frame."""

    def __init__(self, code, reason=""):
        super().__init__(f"closed: {code} {reason}".strip())
        self.code, self.reason = code, reason


class Socket:
    """One connection. To resume, join each room on a new connection with its last `at` as `after`."""

    def __init__(self, url, token=None, timeout=60):
        at = urllib.parse.urlsplit(url)
        secure = at.scheme in ("https", "wss")
        port = at.port or (443 if secure else 80)
        self._socket = socket.create_connection((at.hostname, port), timeout)  # the server pings every 25 s
        if secure:
            self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=at.hostname)
        self._file = self._socket.makefile("rb")
        key = base64.b64encode(os.urandom(16))
        head = [
            f"GET {at.path.rstrip('/')}/ws HTTP/1.1",
            f"Host: {at.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key.decode()}",
            *([f"Authorization: Bearer {token}"] if token else []),
        ]
        self._socket.sendall("\r\n".join([*head, "", ""]).encode())
        self._greet(base64.b64encode(hashlib.sha1(key + GUID).digest()).decode())

    def send(self, **command):
        """Sends a command: send(type="join", id=1, room="chat:42")."""
        self._frame(0x1, json.dumps(command).encode())

    def receive(self):
        """Returns the server's next message as a dict. Raises Closed."""
        text = b""
        while True:
            final, opcode, payload = self._read()
            if opcode == 0x9:  # ping
                self._frame(0xA, payload)
            elif opcode == 0x8:
                code = struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else 1005
                self.close()
                raise Closed(code, payload[2:].decode(errors="replace"))
            elif opcode in (0x0, 0x1):
                text += payload
                if final:
                    return json.loads(text)

    def close(self):
        try:
            self._frame(0x8, struct.pack("!H", 1000))
        except OSError:
            pass  # already closed
        self._socket.close()

    def _greet(self, accept):
        status = self._file.readline().decode().strip()
        lines = iter(lambda: self._file.readline().decode().strip(), "")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if " 101" not in status or headers.get("sec-websocket-accept") != accept:
            body = self._file.read(int(headers.get("content-length", 0))).decode()
            self._socket.close()
            raise ConnectionError(f"{status} {body}")

    def _frame(self, opcode, payload):
        size = len(payload)
        head = bytes([0x80 | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += struct.pack("!BH", 0x80 | 126, size)
        else:
            head += struct.pack("!BQ", 0x80 | 127, size)
        mask = os.urandom(4)
        self._socket.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def _read(self):
        first, size = self._exactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", self._exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._exactly(8))
        return first & 0x80, first & 0x0F, self._exactly(size)

    def _exactly(self, size):
        data = self._file.read(size)
        if len(data) < size:
            raise Closed(1006)
        return data
