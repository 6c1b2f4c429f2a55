// Records a server's responses as readable text, with placeholders for values that differ between runs.
import { gunzipSync } from "node:zlib";
import type { HttpExchange } from "./http.ts";
import { send, type Sent } from "./http.ts";

/** Headers that differ between runs or depend on the body. */
const UNSTABLE = new Set(["connection", "content-length", "date", "keep-alive", "transfer-encoding"]);
/** If a body has more characters than this, only its length is written. */
const MAX_SHOWN = 4000;
/** The maximum time that a scenario waits for the server, in ms. */
const PATIENCE_MS = 15_000;

/** JSON fields whose values are human-readable texts. */
const TEXTS = /"(detail|title|message|reason|description|instance)":"(?:[^"\\]|\\.)*"/g;
/** JSON fields whose values are points in time. */
const TIMES = /"(time|since|until|expires|newest|deadline|exp|iat)":[0-9]+/g;

export class Recorder {
  readonly #lines: string[] = [];
  readonly #hidden = new Map<string, string>();
  #epoch: string | undefined;
  #seqs = new Map<string, number>();
  #sessions = new Map<string, number>();

  constructor(readonly port: number) {
    this.hide(`127.0.0.1:${port}`, "<host>");
  }

  get text(): string {
    return `${this.#lines.join("\n")}\n`;
  }

  /** Starts a part of the recording. Its cursors and sessions are numbered from 1. */
  part(title: string): void {
    this.#seqs = new Map();
    this.#sessions = new Map();
    this.#lines.push("", `### ${title}`, "");
  }

  /** Writes a line. */
  note(line: string): void {
    this.#lines.push(this.clean(line));
  }

  /** Waits for the server. @throws Error with the last recorded lines, if the maximum time passes */
  async wait<T>(something: Promise<T>): Promise<T> {
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error();
      timer = setTimeout(() => {
        error.message = `nothing came after:\n${this.#lines.slice(-20).join("\n")}`;
        reject(error);
      }, PATIENCE_MS);
    });
    try {
      return await Promise.race([something, late]);
    } catch (error) {
      if (error instanceof Error && !error.message.startsWith("nothing came"))
        error.message += `\nafter:\n${this.#lines.slice(-20).join("\n")}`;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Replaces a text that differs between runs with a label. */
  hide(text: string, label: string): void {
    this.#hidden.set(text, label);
  }

  /** Learns the server's epoch from a room's position, so that the recorder can replace cursors of this epoch. */
  async learnEpoch(headers: Record<string, string> = {}, room = "epoch"): Promise<string> {
    const reply = await send(this.port, "GET", `/rooms/${room}`, { headers });
    await reply.ended;
    const [, epoch] = /"at":"([^"]+)-[0-9]+"/.exec(reply.text) ?? [];
    if (epoch === undefined) throw new Error(`no epoch: ${reply.text}`);
    this.#epoch = epoch;
    return epoch;
  }

  /** Makes a request and writes the request and the whole response. */
  async http(method: string, path: string, sent: Sent = {}): Promise<HttpExchange> {
    const reply = await this.open(method, path, sent);
    await this.wait(reply.ended);
    if (reply.body.length > 0) this.note(indent(shown(reply)));
    this.#lines.push("");
    return reply;
  }

  /** Makes a request for a stream. Writes the request and the head of the response. */
  async open(method: string, path: string, sent: Sent = {}): Promise<HttpExchange> {
    this.note(`${method} ${path}`);
    for (const [name, value] of Object.entries(sent.headers ?? {})) this.note(`  ${name}: ${value}`);
    if (sent.body !== undefined) this.note(indent(shorten(sent.body)));
    const reply = await this.wait(send(this.port, method, path, sent));
    this.note(reply.status === 0 ? "→ closed" : `→ ${reply.status}`);
    const headers = reply.headers.filter(([name]) => !UNSTABLE.has(name)).map(cleanHeader);
    for (const [name, value] of headers.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      this.note(`  ${name}: ${value}`);
    return reply;
  }

  /** Replaces values that differ between runs with placeholders. */
  clean(text: string): string {
    let cleaned = text;
    for (const [hidden, label] of this.#hidden) cleaned = cleaned.replaceAll(hidden, label);
    if (this.#epoch !== undefined)
      cleaned = cleaned.replaceAll(new RegExp(`\\b${this.#epoch}-([0-9]+)`, "g"), (_, seq: string) =>
        seq === "0" ? "<epoch>-0" : `<epoch>-${this.#number(seq)}`,
      );
    return cleaned
      .replaceAll(/"prev":([0-9]+)/g, (_, seq: string) => `"prev":${seq === "0" ? 0 : this.#number(seq)}`)
      .replaceAll(/"session":"([\w-]{16})"/g, (_, id: string) => `"session":"${this.session(id)}"`)
      .replaceAll(/\/sessions\/([\w-]{16})/g, (_, id: string) => `/sessions/${this.session(id)}`)
      .replaceAll(/"cursor":"[0-9]+\.([\w-]{16})"/g, (_, id: string) => `"cursor":"${this.session(id)}"`)
      .replaceAll(TEXTS, '"$1":"<text>"')
      .replaceAll(TIMES, '"$1":"<time>"')
      .replaceAll(/([^ ])\1{99,}/g, (run: string, one: string) => `<${one} × ${run.length}>`)
      .replaceAll(/"retry":[0-9]+/g, '"retry":"<ms>"')
      .replaceAll(/^( *)retry: [0-9]+/gm, "$1retry: <ms>");
  }

  /** Returns a session's label. */
  session(id: string): string {
    const number = this.#sessions.get(id) ?? this.#sessions.size + 1;
    this.#sessions.set(id, number);
    return `<session ${number}>`;
  }

  #number(seq: string): string {
    const number = this.#seqs.get(seq) ?? this.#seqs.size + 1;
    this.#seqs.set(seq, number);
    return `<seq ${number}>`;
  }
}

function cleanHeader([name, value]: [string, string]): [string, string] {
  if (name === "retry-after") return [name, "<seconds>"];
  if (name === "etag") return [name, "<etag>"];
  if (name === "sec-websocket-accept") return [name, "<accept>"];
  return [
    name,
    value
      .replaceAll(/'sha256-[^']+'/g, "'<hash>'")
      .replace(/error_description="[^"]*"/, 'error_description="<text>"'),
  ];
}

function shown(reply: HttpExchange): string {
  const type = reply.header("content-type") ?? "";
  if (type.startsWith("text/html")) return "<a page>";
  const gzip = reply.header("content-encoding") === "gzip";
  return shorten(gzip ? gunzipSync(reply.body) : reply.body);
}

function shorten(body: string | Uint8Array): string {
  const bytes = Buffer.from(body as string);
  const text = bytes.toString("utf8");
  if (text.includes("\uFFFD") && typeof body !== "string") return `<bytes ${bytes.toString("base64")}>`;
  return text.length > MAX_SHOWN ? `<${text.length} characters>` : text;
}

export function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
