"""Subscribes and publishes from a terminal: `python3 examples/python listen demo:chat`, `… publish demo:chat hello`."""

import argparse
import json
import os
import sys

from thump import Thump, ThumpError
from thump_socket import Closed, Socket


def by_socket(url, token, rooms, after, last):
    """Yields the same messages as `Thump.listen`, over one multiplexed socket, until the socket closes."""
    link = Socket(url, token)
    for room in rooms:
        begin = {"after": after} if after else {"last": last} if last else {}
        link.send(type="join", id=room, room=room, **begin)
    while True:
        message = link.receive()
        if message["type"] == "error":
            raise ThumpError(message["code"], message["message"], message.get("retry"))
        if message["type"] in ("message", "gap"):
            yield message


def main():
    parser = argparse.ArgumentParser(prog="python3 examples/python", description=__doc__)
    parser.add_argument("--url", default=os.environ.get("THUMP_URL", "http://127.0.0.1:3000"))
    parser.add_argument("--token", default=os.environ.get("THUMP_TOKEN"))
    commands = parser.add_subparsers(dest="command", required=True)
    listen = commands.add_parser("listen", help="print messages, one JSON envelope per line")
    listen.add_argument("rooms", nargs="+")
    listen.add_argument("--after", help="start after this cursor")
    listen.add_argument("--last", type=int, help="start with the newest N messages")
    listen.add_argument("--socket", action="store_true", help="use a WebSocket, until it closes")
    publish = commands.add_parser("publish", help="publish JSON or text and print the cursor")
    publish.add_argument("room")
    publish.add_argument("data")
    publish.add_argument("--event", default="message")
    publish.add_argument("--key", help="an idempotency key")
    args = parser.parse_args()
    try:
        if args.command == "publish":
            print(Thump(args.url, args.token).publish(args.room, parsed(args.data), args.event, args.key))
            return 0
        messages = (
            by_socket(args.url, args.token, args.rooms, args.after, args.last)
            if args.socket
            else Thump(args.url, args.token).listen(*args.rooms, after=args.after, last=args.last)
        )
        for message in messages:
            print(json.dumps(message, ensure_ascii=False), flush=True)
    except (ThumpError, Closed, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


sys.exit(main())
