// The `limits.rates` option: rate limits per session, user, address and API key, with their defaults.
import { Type } from "typebox";
import { schemaOf } from "../protocol/exact-schema.ts";
import { type Size, SizeSchema } from "../rooms/rule-options.ts";
import { sizeBytes } from "../rooms/units.ts";
import { type RateKind, RATE_KINDS, type Rate } from "./token-buckets.ts";

/** The scopes that have separate rate limits. */
export const RATE_SCOPES = ["session", "user", "address", "key"] as const;
export type RateScope = (typeof RATE_SCOPES)[number];
/** The rate limits in force; `false` disables a limit. */
export type Rates = Record<RateScope, Record<RateKind, Rate | false>>;

/**
 * A rate limit on operations: a number per second, or a token bucket that holds `burst` operations and refills at
 * `rate` per second. A plain number allows a burst of five times the rate. `false` disables the limit.
 */
export type CountRate = false | number | CountBucket;

/** A token bucket that counts operations. */
export interface CountBucket {
  /**
   * Operations per second.
   * @example 20
   */
  rate: number;
  /**
   * Maximum number of operations at once.
   * @default five times `rate`
   * @example 200
   */
  burst?: number;
}

/**
 * A rate limit on bytes: a size per second, or a token bucket that holds `burst` bytes and refills at `rate` per
 * second. A plain size allows a burst of five times the rate. `false` disables the limit.
 */
export type SizeRate = false | Size | SizeBucket;

/** A token bucket that counts bytes. */
export interface SizeBucket {
  /**
   * Size per second: bytes, or a string with a unit.
   * @example "1MiB"
   */
  rate: Size;
  /**
   * Maximum size at once: bytes, or a string with a unit.
   * @default five times `rate`
   * @example "16MiB"
   */
  burst?: Size;
}

/** Rate limits per operation. */
export interface OperationRates {
  /**
   * Requests with a body, and frames on `/ws` that do not join, read or publish.
   * @default { rate: 500, burst: 5000 } per session; docs/limits.md lists the others
   * @example 50
   */
  requests?: CountRate;
  /**
   * Rooms joined, and `history` and `members` commands on `/ws`.
   * @default { rate: 500, burst: 5000 } per session; docs/limits.md lists the others
   * @example 100
   */
  joins?: CountRate;
  /**
   * Publications, whether accepted or refused.
   * @default { rate: 5000, burst: 50_000 } per session; docs/limits.md lists the others
   * @example { rate: 10, burst: 100 }
   */
  publishes?: CountRate;
  /**
   * Bytes of published data.
   * @default { rate: "32MiB", burst: "128MiB" } per session; docs/limits.md lists the others
   * @example "1MiB"
   */
  bytes?: SizeRate;
  /**
   * Bytes of stored publications that requests, commands, polls and replays read.
   * @default { rate: "16MiB", burst: "128MiB" } per session; docs/limits.md lists the others
   * @example "4MiB"
   */
  reads?: SizeRate;
}

/** Rate limits per operation, for a client that can have several connections. */
export interface ClientRates extends OperationRates {
  /**
   * Handshakes, streams, polls, and reads of a room.
   * @default { rate: 500, burst: 5000 } per address; docs/limits.md lists the others
   * @example { rate: 1, burst: 20 }
   */
  connects?: CountRate;
}

/**
 * Rate limits per scope. An operation is charged to every scope that applies: its session, its user and its address.
 */
export interface RatesOptions {
  /**
   * Limits per session.
   * @default see the fields
   * @example { publishes: 20, bytes: "1MiB" }
   */
  session?: OperationRates;
  /**
   * Limits per user, across all of the user's sessions.
   * @default see the fields
   * @example { connects: { rate: 1, burst: 20 } }
   */
  user?: ClientRates;
  /**
   * Limits per client address; for IPv6, per /64 prefix. They do not apply to clients on this machine.
   * @default see the fields
   * @example { connects: 100 }
   */
  address?: ClientRates;
  /**
   * Limits per API key, across all of its connections. They replace all other limits, except the address's `connects`.
   * @default see the fields
   * @example { publishes: false }
   */
  key?: ClientRates;
}

const CountSchema = Type.Number({ exclusiveMinimum: 0 });
const CountRateSchema = Type.Union([
  Type.Literal(false),
  CountSchema,
  Type.Object(
    { rate: CountSchema, burst: Type.Optional(Type.Number({ minimum: 1 })) },
    { additionalProperties: false },
  ),
]);
const SizeRateSchema = Type.Union([
  Type.Literal(false),
  SizeSchema,
  Type.Object({ rate: SizeSchema, burst: Type.Optional(SizeSchema) }, { additionalProperties: false }),
]);
const operations = {
  requests: Type.Optional(CountRateSchema),
  joins: Type.Optional(CountRateSchema),
  publishes: Type.Optional(CountRateSchema),
  bytes: Type.Optional(SizeRateSchema),
  reads: Type.Optional(SizeRateSchema),
};
const ClientRatesSchema = Type.Object(
  { connects: Type.Optional(CountRateSchema), ...operations },
  { additionalProperties: false },
);

export const RatesSchema = schemaOf<RatesOptions>()(
  Type.Object(
    {
      session: Type.Optional(Type.Object(operations, { additionalProperties: false })),
      user: Type.Optional(ClientRatesSchema),
      address: Type.Optional(ClientRatesSchema),
      key: Type.Optional(ClientRatesSchema),
    },
    { additionalProperties: false },
  ),
);

const BURST_SECONDS = 5;
const MIB = 1 << 20;
const rate = (perSecond: number, burst: number): Rate => ({ rate: perSecond, burst });

/**
 * The default rates: far above what people and their programs need, but low enough that one client cannot disrupt
 * others.
 */
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

type Given = CountRate | SizeRate | undefined;

/** Fills in the defaults. */
export function resolveRates(given: RatesOptions = {}): Rates {
  const ofScope = (scope: RateScope): Record<RateKind, Rate | false> => {
    const options: Partial<Record<RateKind, Given>> = given[scope] ?? {};
    const entries = RATE_KINDS.map((kind) => [kind, resolve(options[kind], DEFAULTS[scope][kind])]);
    return Object.fromEntries(entries) as Record<RateKind, Rate | false>;
  };
  return Object.fromEntries(RATE_SCOPES.map((scope) => [scope, ofScope(scope)])) as Rates;
}

function resolve(given: Given, fallback: Rate | false): Rate | false {
  if (given === undefined) return fallback;
  if (given === false) return false;
  const { rate: perSecond, burst } = typeof given === "object" ? given : { rate: given, burst: undefined };
  const amount = amountOf(perSecond);
  return rate(amount, Math.max(1, burst === undefined ? amount * BURST_SECONDS : amountOf(burst)));
}

/**
 * Converts a rate to a number. A rate of 0, or a size that rounds to 0, becomes 1, because a bucket without refill
 * would stay empty.
 */
function amountOf(value: string | number): number {
  return typeof value === "string" ? Math.max(1, sizeBytes(value)) : value === 0 ? 1 : value;
}
