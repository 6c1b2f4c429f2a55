// Numbers and times formatted for people. Pure.

const grouped = new Intl.NumberFormat("en");
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** Formats a count: 1,234, or 123.4K from 100,000 on. */
export function count(value: number): string {
  return value < 100_000 ? grouped.format(Math.round(value)) : compact.format(value);
}

/** Formats a rate per second. Small rates keep one decimal. */
export function rate(value: number): string {
  return value > 0 && value < 10 && !Number.isInteger(value) ? value.toFixed(1) : count(value);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Formats a size: 512 B, 1.5 KiB, 12 MiB. */
export function bytes(value: number): string {
  let unit = 0;
  let rest = value;
  while (rest >= 1024 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${unit === 0 || rest >= 100 ? Math.round(rest) : +rest.toFixed(1)} ${UNITS[unit]}`;
}

/** Formats a time in ms: 0.05 ms, 12 ms, 1.2 s. */
export function latency(ms: number | null): string {
  if (ms === null) return "–";
  if (ms > 0 && ms < 0.005) return "< 0.01 ms";
  if (ms >= 1000) return `${+(ms / 1000).toFixed(1)} s`;
  return `${ms >= 10 ? Math.round(ms) : +ms.toFixed(ms >= 1 ? 1 : 2)} ms`;
}

const SPANS: [seconds: number, unit: string][] = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/** Formats a duration with at most two units: 45 s, 3 min 5 s, 2 d 4 h. */
export function duration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  if (rest === 0) return "0 s";
  const first = SPANS.findIndex(([size]) => rest >= size);
  const parts: string[] = [];
  for (const [size, unit] of SPANS.slice(first, first + 2)) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
  }
  return parts.join(" ");
}

/**
 * Formats the time since a moment: "now", "12 s ago".
 * @param time the moment
 * @param now the current time; both in ms since 1970
 */
export function ago(time: number, now: number): string {
  const seconds = Math.round((now - time) / 1000);
  if (seconds < 1) return "now";
  // A single unit is precise enough.
  const [size, unit] = SPANS.find(([one]) => seconds >= one) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

const two = (value: number) => String(value).padStart(2, "0");

/** The time of day, to the second. @param time in ms since 1970 */
export function clock(time: number): string {
  const date = new Date(time);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Formats a number with its noun: `1 room`, `2 rooms`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** The data of a message, shortened. @param max maximum number of characters */
export function dataText(data: unknown, max = 2000): string {
  if (data instanceof Uint8Array) {
    const hex = [...data.subarray(0, 24)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    return `${bytes(data.length)}: ${hex}${data.length > 24 ? " …" : ""}`;
  }
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return text.length > max ? `${text.slice(0, max)} … (${count(text.length)} characters)` : text;
}
