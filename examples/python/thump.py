"""Client for a Thump server, based on docs/protocol.md. Subscribes with an event stream and publishes with POST.

Python 3.9 or later, standard library only.
"""

import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid


class ThumpError(Exception):
    """An error from the server. `code` is stable; `retry` is in seconds, or None if a retry does not help."""

    def __init__(self, code, message, retry=None):
        super().__init__(f"{code}: {message}")
        self.code, self.retry = code, retry


class Thump:
    def __init__(self, url, token=None, tries=5):
        self.url, self.token, self.tries = url.rstrip("/"), token, tries

    def publish(self, room, data, event="message", key=None):
        """Publishes a message and returns its cursor. Retries use the same key, so the message is stored only once."""
        headers = {"Content-Type": "application/json", "Event": event, "Idempotency-Key": key or str(uuid.uuid4())}
        path = "/rooms/" + urllib.parse.quote(room, safe="")
        for attempt in range(self.tries):
            try:
                with self._open(path, headers, json.dumps(data).encode()) as answer:
                    return json.load(answer)["at"]
            except (ThumpError, OSError) as error:
                if attempt == self.tries - 1 or not may_retry(error):
                    raise
                pause(attempt, error)

    def listen(self, *rooms, after=None, last=None):
        """Yields the rooms' messages and gap notices indefinitely. Resumes after a disconnect.

        Each item is an envelope: `type` is "message" or "gap", and `at` is the cursor to resume from (`after`).
        """
        attempt = 0
        while True:
            query = [("room", room) for room in rooms]
            query += [("after", after)] if after else [("last", last)] if last else []
            try:
                with self._open("/events?" + urllib.parse.urlencode(query), {"Accept": "text/event-stream"}) as stream:
                    for cursor, data in events(stream):
                        attempt, after = 0, cursor or after
                        if data is not None:
                            yield json.loads(data)
                error = None  # the server ended the stream: reconnect
            except (ThumpError, OSError) as failure:
                if not may_retry(failure):
                    raise
                error = failure
            pause(attempt, error)
            attempt += 1

    def _open(self, path, headers, body=None):
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            answer = urllib.request.urlopen(request, timeout=60)  # the server sends a keep-alive every 25 s
        except urllib.error.HTTPError as answer:
            with answer:
                raise refusal(answer) from None
        if answer.headers.get("Thump-Error"):  # temporary errors on event streams have status 200, for browsers
            with answer:
                raise refusal(answer)
        return answer


def refusal(answer):
    """Reads the error from a response: problem details (RFC 9457), or just the status if a proxy responded."""
    try:
        told = answer.headers.get("Thump-Error")
        problem = json.loads(next(data for _, data in events(answer) if data)) if told else json.load(answer)
        code, message = problem["code"], problem.get("detail") or problem.get("title")
    except (ValueError, KeyError, TypeError, StopIteration):
        code, message = "busy" if answer.code >= 500 else "malformed", f"HTTP {answer.code}"
    retry = answer.headers.get("Retry-After", "")
    return ThumpError(code, message, int(retry) if retry.isdigit() else None)


def events(stream):
    """Yields the events of a stream as (id, data). Data is None for an event with only an id (WHATWG HTML, 9.2.6)."""
    cursor, data = None, []
    for line in stream:
        field, _, value = line.decode().rstrip("\r\n").partition(":")
        value = value[1:] if value.startswith(" ") else value
        if field == "id":
            cursor = value
        elif field == "data":
            data.append(value)
        elif not field and not value and line.strip() == b"":
            yield cursor, "\n".join(data) if data else None
            cursor, data = None, []


def may_retry(error):
    return not isinstance(error, ThumpError) or error.code in ("rate", "busy", "draining", "unavailable", "timeout")


def pause(attempt, error=None):
    """Sleeps for the delay that the server requested, plus a random time whose maximum grows with each attempt."""
    time.sleep((getattr(error, "retry", None) or 0) + random.uniform(0, min(30, 0.5 * 2**attempt)))
