// The options of rates: how fast sessions, users, addresses and API keys may go.
import { type Static, Type } from "typebox";
import { Size } from "../rooms/rule.ts";
import { sizeBytes } from "../rooms/units.ts";
import { type RateKind, RATE_KINDS, type Rate } from "./token-buckets.ts";

/** By whom it is counted. */
export const RATE_SCOPES = ["session", "user", "address", "key"] as const;
export type RateScope = (typeof RATE_SCOPES)[number];
/** False where there is no limit. */
export type Rates = Record<RateScope, Record<RateKind, Rate | false>>;

const Count = Type.Number({ exclusiveMinimum: 0 });
const Counts = Type.Union([
  Type.Literal(false),
  Count,
  Type.Object(
    { rate: Count, burst: Type.Optional(Type.Number({ minimum: 1 })) },
    { additionalProperties: false },
  ),
]);
const Sizes = Type.Union([
  Type.Literal(false),
  Size,
  Type.Object({ rate: Size, burst: Type.Optional(Size) }, { additionalProperties: false }),
]);
const inSession = {
  requests: Type.Optional(Counts),
  joins: Type.Optional(Counts),
  publishes: Type.Optional(Counts),
  bytes: Type.Optional(Sizes),
  reads: Type.Optional(Sizes),
};
const AllRates = Type.Object(
  { connects: Type.Optional(Counts), ...inSession },
  { additionalProperties: false },
);

/**
 * By scope and kind: a number a second, `{ rate, burst }` for so many at once and then so many a second, or `false`
 * for no limit. Without `burst` it is what five seconds give.
 */
export const RatesOptions = Type.Object(
  {
    session: Type.Optional(Type.Object(inSession, { additionalProperties: false })),
    user: Type.Optional(AllRates),
    address: Type.Optional(AllRates),
    key: Type.Optional(AllRates),
  },
  { additionalProperties: false },
);
export type RatesOptions = Static<typeof RatesOptions>;

const BURST_SECONDS = 5;
const MIB = 1 << 20;
const rate = (perSecond: number, burst: number): Rate => ({ rate: perSecond, burst });

/** Far above what people and their programs do, and below what one of them could do to the others. */
const DEFAULTS: Rates = {
  session: {
    connects: false,
    requests: rate(500, 5000),
    joins: rate(500, 5000),
    publishes: rate(5000, 50_000),
    bytes: rate(32 * MIB, 128 * MIB),
    reads: rate(16 * MIB, 128 * MIB),
  },
  user: {
    connects: rate(50, 500),
    requests: rate(1000, 10_000),
    joins: rate(1000, 10_000),
    publishes: rate(5000, 50_000),
    bytes: rate(32 * MIB, 128 * MIB),
    reads: rate(16 * MIB, 128 * MIB),
  },
  address: {
    connects: rate(500, 5000),
    requests: rate(2000, 20_000),
    joins: rate(5000, 50_000),
    publishes: rate(10_000, 100_000),
    bytes: rate(64 * MIB, 256 * MIB),
    reads: rate(32 * MIB, 256 * MIB),
  },
  key: {
    connects: rate(1000, 10_000),
    requests: rate(5000, 50_000),
    joins: rate(10_000, 100_000),
    publishes: rate(20_000, 200_000),
    bytes: rate(128 * MIB, 512 * MIB),
    reads: rate(128 * MIB, 512 * MIB),
  },
};

type Given = Static<typeof Counts> | Static<typeof Sizes> | undefined;

/** Fills in the defaults. */
export function resolveRates(given: RatesOptions = {}): Rates {
  const ofScope = (scope: RateScope): Record<RateKind, Rate | false> => {
    const options: Partial<Record<RateKind, Given>> = given[scope] ?? {};
    const entries = RATE_KINDS.map((kind) => [kind, resolve(options[kind], DEFAULTS[scope][kind])]);
    return Object.fromEntries(entries) as Record<RateKind, Rate | false>;
  };
  return Object.fromEntries(RATE_SCOPES.map((scope) => [scope, ofScope(scope)])) as Rates;
}

function resolve(given: Given, otherwise: Rate | false): Rate | false {
  if (given === undefined) return otherwise;
  if (given === false) return false;
  const { rate: perSecond, burst } = typeof given === "object" ? given : { rate: given, burst: undefined };
  const amount = number(perSecond);
  return rate(amount, Math.max(1, burst === undefined ? amount * BURST_SECONDS : number(burst)));
}

/** A size that rounds to nothing would be no rate at all. */
function number(value: string | number): number {
  return typeof value === "string" ? Math.max(1, sizeBytes(value)) : value === 0 ? 1 : value;
}
