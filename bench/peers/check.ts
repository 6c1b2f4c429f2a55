// Checks adapters against the real servers: starts a peer and uses each of its dialects with a few clients.
// Usage: bun bench/peers/check.ts [NAME…]
import type { Adapter } from "../adapter.ts";
import type { Dialect } from "../dialect.ts";
import { HEAD, MARK_AT, TAIL, innerSize, writeInner } from "../generator/message.ts";
import { type Arrival, type Client, connect } from "./check/client.ts";
import { openPublisher } from "./check/publisher.ts";
import { start } from "./check/start.ts";

const SUBSCRIBERS = 3;
const MESSAGES = 5;
const SIZE = 64;
/** Index of the message after which a client resumes. */
const LEFT_AFTER = 1;

/** A dialect for publishing and a dialect for subscribing. */
interface Pairing {
  listen: string;
  publish: string;
}

/** Pairs each subscribing dialect with `publish`, and each other publishing dialect with the first subscribing one. */
function pairings({ dialects }: Adapter): Pairing[] {
  const listening = Object.entries(dialects)
    .filter(([name, { transport }]) => transport !== "http" && !name.startsWith("publish"))
    .map(([name]) => name);
  const first = listening[0];
  if (first === undefined) throw new Error("no dialect can subscribe");
  const others = Object.entries(dialects)
    .filter(([name, dialect]) => name !== "publish" && dialect !== dialects["publish"] && dialect.publish)
    .map(([publish]) => ({ listen: first, publish }));
  return [...listening.map((listen) => ({ listen, publish: "publish" })), ...others];
}

/** Builds a message like the generator's, with numbers that use all digits. */
function makeMessage(stream: number, number: number): string {
  const message = Buffer.alloc(SIZE);
  message.write(HEAD);
  message.write(TAIL, SIZE - TAIL.length);
  writeInner(message, MARK_AT, innerSize(SIZE), 0xef00 + stream, 0x9abcd0 + number, 0x1_2345_6780 / 1_000);
  return message.toString();
}

/** Returns the messages in received data. A frame may hold several, as JSON or escaped in a string. */
function messagesOf(arrivals: Arrival[]): string[] {
  return arrivals.flatMap(({ payload }) =>
    [...payload.matchAll(/~[^"\\]*/g)].map(([inner]) => HEAD + inner + TAIL),
  );
}

/** Waits for the last message, and compares the received messages with the expected ones. */
async function expectMessages(client: Client, dialect: Dialect, expected: string[], who: string) {
  const last = expected.at(-1)!;
  const { inbox } = client;
  await inbox.until((arrivals) => messagesOf(arrivals).includes(last), `the last message for ${who}`);
  const received = messagesOf(inbox.arrivals);
  if (!Bun.deepEquals(received, expected))
    throw new Error(`${who} received\n${received.join("\n")}\ninstead of\n${expected.join("\n")}`);
  const { gap, verbatim } = dialect;
  const payloads = inbox.arrivals.map(({ payload }) => payload);
  if (verbatim && !Bun.deepEquals(payloads, expected))
    throw new Error(`${who} received messages that are not verbatim:\n${payloads.join("\n")}`);
  if (gap !== undefined && payloads.some((payload) => payload.includes(gap)))
    throw new Error(`${who} received a gap notice`);
}

/** Returns the cursor that arrived with a message. */
function cursorAt(arrivals: Arrival[], message: string, before: string): string {
  const whole = arrivals.find((arrival) => messagesOf([arrival]).includes(message))?.whole ?? "";
  const at = whole.indexOf(before);
  const cursor = at < 0 ? "" : /^[^"\n,}]*/.exec(whole.slice(at + before.length))?.[0];
  if (!cursor) throw new Error(`no cursor after ${before} in ${whole}`);
  return cursor;
}

/** Resumes after one of the messages, and expects all later messages. */
async function checkResume(
  dialect: Dialect,
  port: number,
  room: string,
  seen: Arrival[],
  messages: string[],
) {
  const { resume, replays } = dialect;
  if (!resume) return;
  const cursor = encodeURIComponent(cursorAt(seen, messages[LEFT_AFTER]!, resume.before));
  using client = await connect(dialect, port, { room, cursor }, resume.path);
  if (replays) {
    const sizeable = ({ whole }: Arrival) => whole.length >= SIZE;
    return client.inbox.until((arrivals) => arrivals.some(sizeable), "a frame of a message's size");
  }
  await expectMessages(client, dialect, messages.slice(LEFT_AFTER + 1), "a resumed subscriber");
}

async function play(adapter: Adapter, port: number, { listen, publish }: Pairing, round: number) {
  const [listening, publishing] = [adapter.dialects[listen], adapter.dialects[publish]];
  if (!listening || !publishing)
    throw new Error(`the adapter has no dialect "${listening ? publish : listen}"`);
  const [room, otherRoom] = [`check-${round}`, `other-${round}`];
  using open = new DisposableStack();
  const subscribers: Client[] = [];
  for (let i = 0; i < SUBSCRIBERS; i++) subscribers.push(open.use(await connect(listening, port, { room })));
  const outsider = open.use(await connect(listening, port, { room: otherRoom }));
  const publisher = open.use(await openPublisher(publishing, port, room));
  const otherPublisher = open.use(await openPublisher(publishing, port, otherRoom));

  // The last message is published after the others have arrived, so any duplicate arrives before it.
  const messages = Array.from({ length: MESSAGES + 1 }, (_, number) => makeMessage(round, number));
  await publisher.publish(messages.slice(0, -1));
  for (const { inbox } of subscribers)
    await inbox.until((arrivals) => messagesOf(arrivals).includes(messages.at(-2)!), "a message");
  await publisher.publish(messages.slice(-1));
  for (const client of subscribers) await expectMessages(client, listening, messages, "a subscriber");
  const elsewhere = makeMessage(round, messages.length);
  await otherPublisher.publish([elsewhere]);
  await expectMessages(outsider, listening, [elsewhere], "a subscriber of another room");
  await checkResume(listening, port, room, subscribers[0]!.inbox.arrivals, messages);
}

/**
 * Checks every pair of dialects, and returns the names of the pairs.
 * @throws if the server behaves differently from its adapter
 */
export async function check(adapter: Adapter): Promise<string[]> {
  await using server = await start(adapter);
  const played: string[] = [];
  for (const pairing of pairings(adapter)) {
    const name = `${pairing.listen} from ${pairing.publish}`;
    await play(adapter, server.port, pairing, played.length).catch((error: Error) => {
      throw new Error(`${adapter.name}, ${name}: ${error.message}`);
    });
    played.push(name);
  }
  return played;
}

if (import.meta.main) {
  const { adapters } = await import("./index.ts");
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !adapters.some((adapter) => adapter.name === name));
  if (unknown.length > 0) console.error(`Unknown: ${unknown.join(", ")}`);
  process.exitCode = unknown.length > 0 ? 2 : 0;
  for (const adapter of adapters.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const missing = adapter.missing();
    try {
      const said = missing ?? (await check(adapter)).join(", ");
      console.log(`${missing ? "–" : "✓"} ${adapter.name}  ${adapter.version?.() ?? ""}  ${said}`);
    } catch (error) {
      console.log(`✗ ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
}
