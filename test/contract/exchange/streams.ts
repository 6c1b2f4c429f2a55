// Event streams, NDJSON and the multiplexed stream on an open server.
import { apart, cursorOf, FOREIGN, JSON_TYPE, NDJSON, start } from "./server.ts";
import type { Recorder } from "./recorder.ts";
import { RULES } from "./rooms.ts";
import { RecordedStream } from "./stream.ts";
import { send } from "./http.ts";

export async function streams(): Promise<string> {
  const { recorder } = await start({ rooms: RULES });
  await recorder.learnEpoch();
  await ofOneRoom(recorder);
  await ofSeveral(recorder);
  await multiplexedStream(recorder);
  await presence(recorder);
  await refusals(recorder);
  return recorder.text;
}

/** Publishes without recording it. */
async function publish(
  { port }: Recorder,
  room: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<string> {
  const reply = await send(port, "POST", `/rooms/${room}`, { body, headers });
  await reply.ended;
  return cursorOf(reply);
}

async function publishAll(recorder: Recorder, room: string): Promise<void> {
  await publish(recorder, room, '{"a": [1,\n2], "s":"\u2028"}', JSON_TYPE);
  await publish(recorder, room, '"string"', JSON_TYPE);
  await publish(recorder, room, "two\nlines");
  await publish(recorder, room, "");
  await publish(recorder, room, new Uint8Array([0, 255]), { "content-type": "application/octet-stream" });
  await publish(recorder, room, "named", { event: "price" });
}

async function ofOneRoom(recorder: Recorder): Promise<void> {
  recorder.part("an event stream of a room");
  const live = await RecordedStream.open(recorder, "live", "/rooms/one");
  await live.next(2);
  await publishAll(recorder, "one");
  await live.next(6);
  await live.close();

  recorder.part("an event stream resumes");
  const at = await publish(recorder, "one", "last");
  await publish(recorder, "one", "after it");
  for (const [path, headers] of [
    [`/rooms/one?after=${at}`, {}],
    ["/rooms/one?last=1", {}],
    ["/rooms/one", { "last-event-id": at }],
    [`/rooms/one?evs_last_event_id=${at}`, {}],
    [`/rooms/one?max=5&after=${at}`, {}],
    [`/rooms/one?unknown=1&after=${at}`, {}],
  ] as [string, Record<string, string>][]) {
    const stream = await RecordedStream.open(recorder, "stream", path, { headers });
    await stream.next(3);
    await stream.close();
  }
  const foreign = await RecordedStream.open(recorder, "stream", `/rooms/one?after=${FOREIGN}`);
  await foreign.next(4);
  foreign.reply.close();
  await publish(recorder, "few:a", "1");
  await publish(recorder, "few:a", "2");
  await publish(recorder, "few:a", "3");
  const short = await RecordedStream.open(recorder, "stream", "/rooms/few:a?last=5");
  await short.next(5);
  await short.close();

  recorder.part("NDJSON of a room");
  const lines = await RecordedStream.open(recorder, "lines", "/rooms/two", { accept: NDJSON });
  await lines.next(1);
  await publishAll(recorder, "two");
  await lines.next(6);
  await lines.close();
  const gap = await RecordedStream.open(recorder, "lines", `/rooms/two?after=${FOREIGN}`, { accept: NDJSON });
  await gap.next(2);
  gap.reply.close();

  recorder.part("compressed streams");
  const gzip = { headers: { "accept-encoding": "gzip" } };
  (
    await recorder.open("GET", "/rooms/gzip:a", { headers: { accept: "text/event-stream", ...gzip.headers } })
  ).close();
  (await recorder.open("GET", "/rooms/gzip:a", { headers: { accept: NDJSON, ...gzip.headers } })).close();
  (await recorder.open("GET", "/rooms/gzip:a", { headers: { accept: "text/event-stream" } })).close();
  (await recorder.open("GET", "/rooms/one", { headers: { accept: NDJSON, ...gzip.headers } })).close();
  (await recorder.open("GET", "/events?room=gzip:a&room=one", gzip)).close();
  recorder.part("HEAD of a stream");
  for (const accept of ["text/event-stream", NDJSON])
    await recorder.http("HEAD", "/rooms/one", { headers: { accept } });
  await recorder.http("HEAD", "/events?room=one");
}

async function ofSeveral(recorder: Recorder): Promise<void> {
  recorder.part("an event stream of several rooms");
  const at = await publish(recorder, "x", "1");
  await publish(recorder, "y", "2", { event: "named" });
  const stream = await RecordedStream.open(recorder, "events", `/events?room=x&room=y&after=${at}`);
  await stream.next(3);
  await publish(recorder, "x", new Uint8Array([9]), { "content-type": "image/png" });
  await stream.next(1);
  await stream.close();
  const last = await RecordedStream.open(recorder, "events", "/events?room=x&room=y&last=1");
  await last.next(4);
  await last.close();
}

async function multiplexedStream(recorder: Recorder): Promise<void> {
  recorder.part("the multiplexed stream");
  const at = await publish(recorder, "m1", "1");
  await publish(recorder, "m1", "2");
  const body = JSON.stringify([
    { id: 1, room: "m1", after: at },
    { id: "two", room: "m2" },
    { id: 3, room: "closed:x" },
    { id: 4, room: "m1" },
    { id: 5, room: "m3", after: "nonsense" },
    { id: 6, room: "" },
    { id: 7, room: "m4", last: 3, max: 5 },
    { room: "m5", after: FOREIGN },
  ]);
  const stream = await RecordedStream.open(recorder, "multiplexed", "/events", {
    method: "POST",
    headers: JSON_TYPE,
    body,
  });
  await stream.next(11);
  await publish(recorder, "m2", "3", { event: "named" });
  await stream.next(1);
  await stream.close();

  recorder.part("the multiplexed stream is refused");
  for (const [sent, type] of [
    ["{}", "application/json"],
    ["[1]", "application/json"],
    ['[{"id":1}]', "application/json"],
    ['[{"room":"a","last":-1}]', "application/json"],
    ["[", "application/json"],
    ["[]", "image/png"],
  ] as [string, string][])
    await recorder.http("POST", "/events", { headers: { "content-type": type }, body: sent });
}

async function presence(recorder: Recorder): Promise<void> {
  recorder.part("presence in streams");
  const stream = await RecordedStream.open(recorder, "watcher", "/rooms/who:a?presence=1");
  await stream.next(3);
  await apart();
  const other = await RecordedStream.open(recorder, "other", "/rooms/who:a", { accept: NDJSON });
  await other.next(1);
  await stream.next(1);
  await recorder.http("GET", "/rooms/who:a/members");
  await recorder.http("GET", "/sessions?room=who:a");
  other.reply.close();
  await stream.next(1);
  await stream.close();
  const lines = await RecordedStream.open(recorder, "lines", "/rooms/who:b?presence=1", { accept: NDJSON });
  await lines.next(2);
  await lines.close();
  const several = await RecordedStream.open(recorder, "events", "/events?room=who:c&room=plain&presence=1");
  await several.next(3);
  several.reply.close();
}

async function refusals(recorder: Recorder): Promise<void> {
  recorder.part("streams that are refused");
  const accept = { headers: { accept: "text/event-stream" } };
  for (const path of [
    "/rooms/closed:a",
    "/rooms/unread:a?last=1",
    "/rooms/a?after=nonsense",
    "/rooms/a?last=x",
    "/rooms/a?max=0",
    "/events",
    "/events?room=",
    "/events?room=closed:a",
    "/events?room=a&after=nonsense",
  ])
    await recorder.http("GET", path, accept);
  await recorder.http("GET", "/rooms/closed:a", { headers: { accept: NDJSON } });
}
