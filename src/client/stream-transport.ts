// The second way, where sockets are blocked: the multiplexed stream to listen, POST to publish, and the same exactness.
import { closeReasonFor } from "./close-reason.ts";
import type { ThumpError, ErrorFrame } from "./client-errors.ts";
import { isLasting, request } from "./http.ts";
import { type ConnectionContext, type Connection, newConnection } from "./connection.ts";
import type { OutboxEntry } from "./outbox.ts";
import { dataReader } from "./event-stream-parser.ts";
import type { RoomHandle } from "./room-handle.ts";

/** One request publishes at most so many, of about so many bytes. */
const MAX_BATCH = { count: 100, bytes: 64 * 1024 };

interface PublishResult {
  at?: string;
  error?: ErrorFrame;
}

export function streamTransport(context: ConnectionContext, token: string | undefined): Connection {
  const { handles, outbox } = context;
  const closing = new AbortController();
  /** Of the stream that there is. */
  let current = new AbortController();
  let arranging = false;
  let posting = false;
  let lastHeard = 0;
  const way = { join: arrange, leave: arrange, rejoin, flush, check, welcome: () => {}, renew };
  const connection = newConnection(context, "event-stream", way, () => {
    current.abort();
    closing.abort();
  });
  arrange();
  return connection;

  /** Other rooms are another stream: the one that there is ends, and the next goes on where it was. */
  function arrange(): void {
    if (arranging) return;
    arranging = true;
    connection.after(0, open);
  }

  function rejoin(handle: RoomHandle): void {
    handle.setJoined(false);
    arrange();
  }

  function flush(): void {
    void post();
  }

  function check(moved: boolean): void {
    // There is nothing to ask: a stream that is silent for long, or on a network of before, is opened anew.
    if (connection.opened && (moved || performance.now() - lastHeard > context.heartbeat)) arrange();
  }

  function renew(fresh: string | undefined): void {
    token = fresh;
    arrange();
  }

  function open(): void {
    arranging = false;
    current.abort();
    const { signal } = (current = new AbortController());
    connection.replies.clear();
    const joins: string[] = [];
    for (const handle of handles.values()) {
      handle.setJoined(false);
      joins.push(connection.joining(handle));
    }
    connection.watch(context.timeout, () => connection.end());
    const end = (error?: unknown) => {
      if (!signal.aborted) connection.end(closeReasonFor(error));
    };
    listen(signal, `[${joins.join()}]`).then(end, end);
  }

  async function listen(signal: AbortSignal, body: string): Promise<void> {
    const response = await request(context, token, "/events", signal, body);
    // Not `for await`: not every browser can read a body so.
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    const take = dataReader((data) => signal.aborted || connection.receive(data));
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      lastHeard = performance.now();
      // A server sends at least its keep-alives.
      connection.watch(context.heartbeat * 2.5, () => connection.end());
      take(decoder.decode(value, { stream: true }));
    }
  }

  async function post(): Promise<void> {
    if (posting || connection.paused || !connection.opened) return;
    const batch: OutboxEntry[] = [];
    for (let bytes = 0; batch.length < MAX_BATCH.count && bytes < MAX_BATCH.bytes;) {
      const entry = outbox.next(MAX_BATCH.count);
      if (!entry) break;
      batch.push(entry);
      bytes += entry.bytes;
    }
    if (batch.length === 0) return;
    posting = true;
    // A connection may be dead without a word.
    const done = connection.after(context.timeout, () => connection.end());
    try {
      const body = `[${batch.map((entry) => entry.body).join()}]`;
      const response = await request(context, token, "/publish?ordered=1", closing.signal, body);
      const { results } = (await response.json()) as { results: PublishResult[] };
      batch.forEach((entry, i) => {
        const { at, error = {} } = results[i] ?? {};
        if (results[i]) connection.answer(entry, at, error);
        // One before it was refused, and it was not tried: it goes again, in its place.
        else outbox.rewind([entry]);
      });
    } catch (error) {
      failed(batch, error);
    }
    done();
    posting = false;
    flush();
  }

  function failed(batch: OutboxEntry[], error: unknown): void {
    // Given up already: all of it is in the outbox again.
    if (closing.signal.aborted) return;
    const { status, retry = 1000 } = error as ThumpError;
    if (status === undefined || status === 401) connection.end(closeReasonFor(error));
    else if (isLasting(error)) for (const entry of batch) outbox.settle(entry, error);
    else connection.pause(batch, retry);
  }
}
