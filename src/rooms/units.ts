// Durations and sizes with units: "90s", "1h", "64KiB".

const DURATION = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZE = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
} as const;

/** The format of a duration string: a number with a unit. */
export const DURATION_FORM = "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$";
/** The format of a size string: a number with a unit. */
export const SIZE_FORM = "^[0-9]+(\\.[0-9]+)?(B|KB|MB|GB|KiB|MiB|GiB)$";

function parse(value: string | number, units: Record<string, number>, perNumber: number): number {
  if (typeof value === "number") return value * perNumber;
  const amount = Number.parseFloat(value);
  const unit = value.replace(/^[0-9.]+/, "");
  return amount * (units[unit] ?? Number.NaN);
}

/** Converts a duration to ms. A plain number means seconds. The config schema has already checked the format. */
export function durationMs(value: string | number): number {
  return parse(value, DURATION, 1000);
}

/** Converts a size to bytes. A plain number means bytes. */
export function sizeBytes(value: string | number): number {
  return Math.floor(parse(value, SIZE, 1));
}
