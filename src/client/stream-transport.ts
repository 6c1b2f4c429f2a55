// Event-stream transport: receives over the multiplexed stream and sends with `POST /publish`. Used when WebSockets are
// blocked.
import { closeReasonFor } from "./close-reason.ts";
import type { ThumpError, ErrorFrame } from "./client-errors.ts";
import { isLasting, request } from "./http.ts";
import { type ConnectionContext, type Connection, newConnection } from "./connection.ts";
import type { OutboxEntry } from "./outbox.ts";
import { dataReader } from "./event-stream-parser.ts";
import type { RoomHandle } from "./room-handle.ts";

/** Limits on a single publish request. The last item may exceed the byte limit. */
const MAX_BATCH = { count: 100, bytes: 64 * 1024 };

interface PublishResult {
  at?: string;
  error?: ErrorFrame;
}

export function streamTransport(context: ConnectionContext, token: string | undefined): Connection {
  const { handles, outbox } = context;
  const closing = new AbortController();
  /** Aborts the current stream. */
  let current = new AbortController();
  let opening = false;
  let posting = false;
  let lastReceived = 0;
  const transport = { join: reopen, leave: reopen, rejoin, flush, check, welcome: () => {}, renew };
  const connection = newConnection(context, "event-stream", transport, () => {
    current.abort();
    closing.abort();
  });
  reopen();
  return connection;

  /**
   * Replaces the stream after the current task, because the rooms of an open stream cannot change. The new stream
   * resumes every room.
   */
  function reopen(): void {
    if (opening) return;
    opening = true;
    connection.after(0, open);
  }

  function rejoin(handle: RoomHandle): void {
    handle.setJoined(false);
    reopen();
  }

  function flush(): void {
    void post();
  }

  function check(moved: boolean): void {
    // A stream cannot be pinged: reopen it if the network changed, or if it has been silent for a heartbeat interval.
    if (connection.opened && (moved || performance.now() - lastReceived > context.heartbeat)) reopen();
  }

  function renew(fresh: string | undefined): void {
    token = fresh;
    reopen();
  }

  function open(): void {
    opening = false;
    current.abort();
    const { signal } = (current = new AbortController());
    connection.replies.clear();
    const joins: string[] = [];
    for (const handle of handles.values()) {
      handle.setJoined(false);
      joins.push(connection.joinCommand(handle));
    }
    connection.watch(context.timeout, () => connection.end());
    const end = (error?: unknown) => {
      if (!signal.aborted) connection.end(closeReasonFor(error));
    };
    listen(signal, `[${joins.join()}]`).then(end, end);
  }

  async function listen(signal: AbortSignal, body: string): Promise<void> {
    const response = await request(context, token, "/events", signal, body);
    // Some browsers do not support `for await` over a body.
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    const read = dataReader((data) => signal.aborted || connection.receive(data));
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      lastReceived = performance.now();
      // A live server sends keep-alives at the heartbeat interval.
      connection.watch(context.heartbeat * 2.5, () => connection.end());
      read(decoder.decode(value, { stream: true }));
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
    // A request on a dead connection may never fail on its own.
    const cancelTimeout = connection.after(context.timeout, () => connection.end());
    try {
      const body = `[${batch.map((entry) => entry.body).join()}]`;
      const response = await request(context, token, "/publish?ordered=1", closing.signal, body);
      const { results } = (await response.json()) as { results: PublishResult[] };
      batch.forEach((entry, i) => {
        const { at, error = {} } = results[i] ?? {};
        if (results[i]) connection.answer(entry, at, error);
        // The server stopped at an earlier item: send this item again.
        else outbox.rewind([entry]);
      });
    } catch (error) {
      onPublishFailed(batch, error);
    }
    cancelTimeout();
    posting = false;
    flush();
  }

  function onPublishFailed(batch: OutboxEntry[], error: unknown): void {
    // The connection has ended, and the batch is queued again.
    if (closing.signal.aborted) return;
    const { status, retry = 1000 } = error as ThumpError;
    if (status === undefined || status === 401) connection.end(closeReasonFor(error));
    else if (isLasting(error)) for (const entry of batch) outbox.settle(entry, error);
    else connection.pause(batch, retry);
  }
}
