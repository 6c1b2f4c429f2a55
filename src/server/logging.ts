// The standalone server's log output: JSON or readable text, written to stderr at most once per event-loop tick.
import {
  configureSync,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getTextFormatter,
} from "@logtape/logtape";
import type { LogRecord, TextFormatter } from "@logtape/logtape";
import { printableText, printableLines } from "../protocol/printable.ts";
import type { Settings } from "./config/settings.ts";

/** Maximum size of the lines that wait for stderr. Beyond this size, lines are dropped and counted. */
const MAX_BUFFERED_CHARACTERS = 8 << 20;

/** Maximum time that an exiting process waits for stderr to be read. */
const FLUSH_TIMEOUT_MS = 500;

/** Configures LogTape, at startup and after a reload. */
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
  // The message is the template, which is the same for all lines of the same kind. The values are separate fields.
  if (log === "json") {
    const format = getJsonLinesFormatter({ message: "template", properties: "flatten" });
    return (record) => `${printableText(format(record).trimEnd())}\n`;
  }
  // `pretty` appends the fields that the message does not contain.
  const format = { timestamp: "time", level: "FULL", value: "bare", category: ".", format: pretty } as const;
  const text = process.stderr.isTTY ? getAnsiColorFormatter(format) : getTextFormatter(format);
  return (record) => text(printable(record));
}

/**
 * Escapes control characters in a record's values, so that a client's text can neither start a line nor set a color.
 */
function printable(record: LogRecord): LogRecord {
  const { message, properties } = record;
  return {
    ...record,
    // Parts with even indexes are text; parts with odd indexes are values.
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

/** Indents all lines except the first, for values such as stack traces. */
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

/** Returns the names of the fields in a message. The cache is bounded by the number of log calls in the code. */
function namesIn(message: string): string[] {
  const known = names.get(message);
  if (known) return known;
  const found = [...message.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
  names.set(message, found);
  return found;
}

/** Formats a value as one word or as quoted text. The result never contains a line break. */
export function word(value: unknown): string {
  const text = String(value);
  return /^[^\s\p{Cc}"=]+$/u.test(text) ? printableText(text) : printableText(JSON.stringify(text));
}

function toStderr(format: TextFormatter) {
  return (record: LogRecord): void => stderr.write(format(record));
}

/**
 * Queue for stderr. Lines that arrive together become one write, and a slow reader of stderr does not block the server.
 */
class Stderr {
  #lines: string[] = [];
  #size = 0;
  #dropped = 0;
  #writing = false;
  #idle: (() => void)[] = [];

  write(line: string): void {
    if (this.#size > MAX_BUFFERED_CHARACTERS) return void this.#dropped++;
    this.#size += line.length;
    if (this.#lines.push(line) === 1 && !this.#writing) setImmediate(() => this.#flush());
  }

  /** Resolves when the queue is written, or after a timeout if stderr is not read. */
  async written(): Promise<void> {
    if (!this.#writing && this.#lines.length === 0) return;
    await Promise.race([
      new Promise<void>((resolve) => this.#idle.push(resolve)),
      Bun.sleep(FLUSH_TIMEOUT_MS),
    ]);
  }

  #flush(): void {
    if (this.#dropped > 0) this.#lines.push(`thump: ${this.#dropped} log lines were dropped\n`);
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

/** Resolves when all lines logged so far have been written, or after a timeout if stderr is not read. */
export function logsWritten(): Promise<void> {
  return stderr.written();
}
