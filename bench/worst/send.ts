// Sends one request or frame and waits until the server has finished handling it.
import { Tally } from "../attacker/tally.ts";
import { handshake, post } from "../attacker/sockets.ts";
import type { Frame, HttpRequest } from "./expensive-request.ts";

/** A response is considered complete if no data arrives for this long, in ms. */
const QUIET_MS = 150;
const TIMEOUT_MS = 60_000;

export interface Sent {
  /** The status and error code of the response: "429 rate". */
  answer: string;
  /** Number of received bytes. */
  bytes: number;
}

const HOST = "Host: 127.0.0.1\r\n";

function headOf(headers: Record<string, string> = {}, address: string): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${HOST}X-Forwarded-For: ${address}\r\n${lines.join("")}`;
}

/** Encodes a request with the given client address. Different addresses do not share rate limits. */
function bytesOf({ method, path, headers, body }: HttpRequest, address: string): Buffer {
  const head = headOf(headers, address);
  if (body !== undefined) return post(path, body, head.replace(/content-type: [^\r]*\r\n/i, ""));
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`);
}

/** Encodes a masked frame of any length (RFC 6455, section 5.2), with a zero mask. */
function frameOf(payload: string | Uint8Array): Buffer {
  const bytes = Buffer.from(payload);
  const first = typeof payload === "string" ? 0x81 : 0x82;
  if (bytes.length < 126) return Buffer.concat([Buffer.of(first, 0x80 | bytes.length, 0, 0, 0, 0), bytes]);
  const head = Buffer.alloc(bytes.length < 65_536 ? 8 : 14);
  head[0] = first;
  head[1] = 0x80 | (bytes.length < 65_536 ? 126 : 127);
  if (bytes.length < 65_536) head.writeUInt16BE(bytes.length, 2);
  else head.writeBigUInt64BE(BigInt(bytes.length), 2);
  return Buffer.concat([head, bytes]);
}

export async function send(port: number, request: HttpRequest | Frame, address: string): Promise<Sent> {
  const tally = new Tally();
  const { promise, resolve } = Promise.withResolvers<void>();
  let bytes = 0;
  let rest = Buffer.alloc(0);
  const isFrame = "frame" in request;
  let opened = !isFrame;
  let timer = setTimeout(resolve, TIMEOUT_MS);
  const settle = () => {
    clearTimeout(timer);
    timer = setTimeout(resolve, QUIET_MS);
  };
  const write = (socket: Bun.Socket, data: Buffer) => {
    rest = Buffer.from(data.subarray(Math.max(0, socket.write(data))));
  };
  const first = isFrame
    ? Buffer.from(handshake(request.path, headOf(request.headers, address)))
    : bytesOf(request, address);
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => write(socket, first),
      drain: (socket) => write(socket, rest),
      data(socket, data) {
        tally.see(data);
        bytes += data.length;
        if (!opened) {
          opened = true;
          const { frame, times = 1 } = request as Frame;
          write(socket, Buffer.concat(Array.from({ length: times }, () => frameOf(frame))));
        }
        settle();
      },
      close: () => resolve(),
      error: () => resolve(),
    },
  });
  await promise;
  clearTimeout(timer);
  socket.terminate();
  return { answer: Object.keys(tally.answers).join(" ") || "none", bytes };
}
