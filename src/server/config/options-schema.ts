// The schema of all options, and checks that a schema cannot express.
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { accessFault, AccessSchema } from "../../auth/auth-options.ts";
import type { Authorize } from "../../auth/authorizer.ts";
import { originsFault } from "../../auth/origins.ts";
import { RatesSchema } from "../../limits/rate-options.ts";
import { proxiesFault } from "../../limits/trusted-proxies.ts";
import { schemaOf } from "../../protocol/exact-schema.ts";
import { fieldErrors } from "../../protocol/field-errors.ts";
import { DurationSchema, ruleFault, RuleSchema, SizeSchema } from "../../rooms/rule-options.ts";
import { type Options, OptionsError } from "./options.ts";
import { storeFault, StoreSchema } from "./store-options.ts";
import { TlsSchema } from "./tls.ts";

const MetricsSchema = Type.Union([Type.Literal("loopback"), Type.Literal("anyone"), Type.Literal("off")]);
const LogSchema = Type.Union([Type.Literal("pretty"), Type.Literal("json"), Type.Literal("none")]);
const LogLevelSchema = Type.Union([
  Type.Literal("debug"),
  Type.Literal("info"),
  Type.Literal("warning"),
  Type.Literal("error"),
]);

const LimitsSchema = Type.Object(
  {
    message: Type.Optional(SizeSchema),
    body: Type.Optional(SizeSchema),
    rooms: Type.Optional(Type.Integer({ minimum: 1 })),
    sessions: Type.Optional(Type.Integer({ minimum: 1 })),
    sessionsPerAddress: Type.Optional(Type.Integer({ minimum: 1 })),
    roomsInUse: Type.Optional(Type.Integer({ minimum: 1 })),
    roomsPerAddress: Type.Optional(Type.Integer({ minimum: 1 })),
    headTime: Type.Optional(DurationSchema),
    bodyTime: Type.Optional(DurationSchema),
    bodies: Type.Optional(SizeSchema),
    memory: Type.Optional(SizeSchema),
    rates: Type.Optional(RatesSchema),
  },
  { additionalProperties: false },
);

export const OptionsSchema = schemaOf<Options>()(
  Type.Object(
    {
      rooms: Type.Optional(Type.Record(Type.String({ minLength: 1 }), RuleSchema)),
      limits: Type.Optional(LimitsSchema),
      store: Type.Optional(StoreSchema),
      heartbeat: Type.Optional(DurationSchema),
      origins: Type.Optional(Type.Array(Type.String())),
      proxies: Type.Optional(Type.Array(Type.String())),
      forwardedHeader: Type.Optional(
        Type.Union([Type.Literal("x-forwarded-for"), Type.Literal("forwarded")]),
      ),
      prefix: Type.Optional(Type.String({ pattern: "^/.*[^/]$" })),
      host: Type.Optional(Type.String({ minLength: 1 })),
      port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
      tls: Type.Optional(TlsSchema),
      drain: Type.Optional(DurationSchema),
      signals: Type.Optional(Type.Boolean()),
      demo: Type.Optional(Type.Boolean()),
      console: Type.Optional(Type.Boolean()),
      access: Type.Optional(AccessSchema),
      open: Type.Optional(Type.Boolean()),
      // A schema cannot verify that this is a function; `checkOptions` does.
      authorize: Type.Optional(Type.Unsafe<Authorize>({})),
      metrics: Type.Optional(MetricsSchema),
      metricsPath: Type.Optional(Type.String({ pattern: "^/[A-Za-z0-9/._~-]+$" })),
      log: Type.Optional(LogSchema),
      logLevel: Type.Optional(LogLevelSchema),
      traces: Type.Optional(Type.String({ pattern: "^https?://.+$" })),
    },
    { additionalProperties: false },
  ),
);

const compiled = Compile(OptionsSchema);

/**
 * Validates options.
 * @param source the source to name in errors: a file path, `environment` or `command line`
 * @throws OptionsError
 */
export function checkOptions(value: unknown, source: string): Options {
  if (compiled.Check(value)) return checkRest(value, source);
  // A union reports the errors of every branch. The deepest error belongs to the branch that fits the value best.
  const [worst] = fieldErrors(compiled.Errors(value)).sort(
    (a, b) => b.path.split("/").length - a.path.split("/").length,
  );
  const path = worst?.path.slice(1).replaceAll("/", " › ").replaceAll("~1", "/").replaceAll("~0", "~");
  throw new OptionsError(`${source}: ${path || "the options"} ${worst?.message}`);
}

/** Checks what the schema cannot express. @throws OptionsError */
function checkRest(value: Options, source: string): Options {
  for (const [pattern, rule] of Object.entries(value.rooms ?? {})) {
    const [field, why] = ruleFault(pattern, rule) ?? [];
    if (field !== undefined) throw new OptionsError(`${source}: rooms › ${pattern} › ${field} ${why}`);
  }
  const fault = accessFault(value.access ?? {});
  if (fault !== undefined) throw new OptionsError(`${source}: access › ${fault}`);
  const badStore = storeFault(value.store ?? { kind: "memory" });
  if (badStore !== undefined) throw new OptionsError(`${source}: store › ${badStore}`);
  const badOrigin = originsFault(value.origins ?? []);
  if (badOrigin !== undefined) throw new OptionsError(`${source}: origins › ${badOrigin}`);
  const badProxy = proxiesFault(value.proxies ?? []);
  if (badProxy !== undefined) throw new OptionsError(`${source}: proxies › ${badProxy}`);
  if (value.authorize !== undefined && typeof value.authorize !== "function")
    throw new OptionsError(`${source}: authorize must be a function`);
  return value;
}
