// Formats numbers.

/** 4.002M, 48.2k, 950 */
export function count(value: number): string {
  if (value >= 999_500) return `${(value / 1e6).toFixed(value < 1e7 ? 2 : 1)}M`;
  if (value >= 10_000) return `${(value / 1e3).toFixed(1)}k`;
  return whole(value);
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString("en");
}

export function percent(value: number): string {
  return `${(value * 100).toFixed(0)}%`;
}

/** A share as a percentage, rounded down, so that 100 % really means all. */
export function share(value: number): string {
  return `${(Math.floor(value * 1e4) / 100).toFixed(value < 1 ? 2 : 0)}%`;
}

/** A number with three significant digits. */
export function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size < 0.1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0);
}

export function micros(value: number): string {
  return value.toFixed(value < 10 ? 3 : 1);
}

export function mebibytes(bytes: number): string {
  return digits(bytes / 2 ** 20);
}

export function kibibytes(bytes: number): string {
  return (bytes / 1024).toFixed(2);
}

export function times(value: number): string {
  return `${value.toFixed(2)}×`;
}

/** "3 lost", "1 message" */
export function some(amount: number, what: string): string {
  return `${whole(amount)} ${what}`;
}

/** Returns the first line of a text. */
export function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
