// Where the log lines of a server go: to stderr, as JSON or for people, in one write a turn.
import {
  configureSync,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getTextFormatter,
} from "@logtape/logtape";
import type { LogRecord, TextFormatter } from "@logtape/logtape";
import { printableText, printableLines } from "../protocol/printable.ts";
import type { Settings } from "./config/settings.ts";

/** Lines that nobody takes from stderr are kept up to this many characters; then they are counted only. */
const MAX_BUFFERED_BYTES = 8 << 20;

/** Sets it up, or again after a reload. */
export function configureLogging({ log, logLevel }: Pick<Settings, "log" | "logLevel">): void {
  const sinks: "stderr"[] = log === "none" ? [] : ["stderr"];
  configureSync({
    reset: true,
    sinks: { stderr: toStderr(formatterOf(log)) },
    loggers: [
      { category: "thump", sinks, lowestLevel: logLevel },
      { category: ["logtape", "meta"], sinks, lowestLevel: "error" },
    ],
  });
}

function formatterOf(log: Settings["log"]): TextFormatter {
  // The message is the same for all lines of a kind: what differs is in fields of its own.
  if (log === "json") {
    const format = getJsonLinesFormatter({ message: "template", properties: "flatten" });
    return (record) => `${printableText(format(record).trimEnd())}\n`;
  }
  // The fields that the message does not name follow it.
  const format = { timestamp: "time", level: "FULL", value: "bare", category: ".", format: pretty } as const;
  const text = process.stderr.isTTY ? getAnsiColorFormatter(format) : getTextFormatter(format);
  return (record) => text(printable(record));
}

/** A record whose values are text that may be printed: whoever they came from, they begin no line and color nothing. */
function printable(record: LogRecord): LogRecord {
  const { message, properties } = record;
  return {
    ...record,
    // Its texts stand at even places, its values between them.
    message: message.map((part, i) => (i % 2 === 1 && part !== undefined ? indented(part) : part)),
    properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, plain(value)])),
  };
}

function plain(value: unknown): unknown {
  return typeof value === "string" ? value : value === undefined ? undefined : textOf(value);
}

function textOf(value: unknown): string {
  return value instanceof Error
    ? (value.stack ?? value.message)
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);
}

/** Several lines, such as a stack, of which all but the first are set in. */
function indented(value: unknown): string {
  return printableLines(textOf(value)).replaceAll(/\n\s*/g, "\n    ");
}

function pretty(values: {
  timestamp: string | null;
  level: string;
  message: string;
  record: LogRecord;
}): string {
  const { timestamp, level, message, record } = values;
  const named = namesIn(String(record.rawMessage));
  const others = Object.entries(record.properties).filter(
    ([name, value]) => !named.includes(name) && value !== undefined && !(name === "others" && value === 0),
  );
  return `${timestamp} ${level} ${message}${others.map(([name, value]) => ` ${name}=${word(value)}`).join("")}`;
}

const names = new Map<string, string[]>();

/** The fields that a message names. There are as many messages as places in the code that log. */
function namesIn(message: string): string[] {
  const known = names.get(message);
  if (known) return known;
  const found = [...message.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  names.set(message, found);
  return found;
}

/** One word, or text in quotes: a line stays a line, whatever is in it. */
export function word(value: unknown): string {
  const text = String(value);
  return /^[^\s\p{Cc}"=]+$/u.test(text) ? printableText(text) : printableText(JSON.stringify(text));
}

function toStderr(format: TextFormatter) {
  return (record: LogRecord): void => stderr.write(format(record));
}

/** What waits for stderr: a storm of sessions that end must be neither one of writes nor a wait for a slow reader. */
class Stderr {
  #lines: string[] = [];
  #size = 0;
  #dropped = 0;
  #writing = false;
  #idle: (() => void)[] = [];

  write(line: string): void {
    if (this.#size > MAX_BUFFERED_BYTES) return void this.#dropped++;
    this.#size += line.length;
    if (this.#lines.push(line) === 1 && !this.#writing) setImmediate(() => this.#flush());
  }

  /** Resolves once all is written, or after a moment if nobody reads it. */
  async written(): Promise<void> {
    if (!this.#writing && this.#lines.length === 0) return;
    await Promise.race([new Promise<void>((resolve) => this.#idle.push(resolve)), Bun.sleep(500)]);
  }

  #flush(): void {
    if (this.#dropped > 0) this.#lines.push(`thump: ${this.#dropped} log lines were left out\n`);
    const text = this.#lines.join("");
    this.#lines = [];
    this.#size = 0;
    this.#dropped = 0;
    this.#writing = true;
    process.stderr.write(text, () => {
      this.#writing = false;
      if (this.#lines.length > 0) this.#flush();
      else for (const resolve of this.#idle.splice(0)) resolve();
    });
  }
}

const stderr = new Stderr();

/** Resolves once everything logged so far is out. */
export function logsWritten(): Promise<void> {
  return stderr.written();
}
