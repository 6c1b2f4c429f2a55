// Reads options from flags, environment variables and the config file, in this order of precedence.
import { readFile } from "./config-file.ts";
import { flagName, type ValueKind, type FlagDefinition, FLAGS } from "./flag-table.ts";
import { checkOptions } from "./options-schema.ts";
import { type Options, OptionsError } from "./options.ts";
import { hasPassword } from "./redact-url.ts";

type Environment = Record<string, string | undefined>;
/** Command-line flags, by name without dashes. A value is a string, a list of strings, or a boolean. */
export type Flags = Record<string, string | string[] | boolean | undefined>;
type OptionFields = Record<string, unknown>;

/** Reads and merges the options from all sources. @throws OptionsError */
export async function readOptions(flags: Flags, env: Environment, cwd: string): Promise<Options> {
  const config = typeof flags["config"] === "string" ? flags["config"] : env["THUMP_CONFIG"];
  // Variables with `needs` are read together with the flags, because the required option may be set by a flag.
  const fromEnv = collect((flag) => (flag.needs ? [flag.env, undefined] : variable(flag, env)));
  const fromFlags = collect((flag) => {
    const name = flagName(flag);
    const value = name === undefined ? undefined : flags[name];
    if (typeof value === "string" && hasPassword(value))
      throw new OptionsError(
        `--${name}: contains a password, and other users of the machine can see flags; use ${flag.env} or the config file`,
      );
    return value === undefined && flag.needs ? variable(flag, env) : [`--${name}`, value];
  });
  // The options are checked in two steps, so that an error names its source.
  const withEnv = checkOptions(merge(fromEnv, { ...(await readFile(config, cwd)) }), "environment");
  const all = merge(fromFlags, { ...withEnv });
  checkNeeds(all);
  return checkOptions(all, "command line");
}

type Found = [name: string, value: Flags[string]];

function variable({ env: name, emptyIsNone, reads }: FlagDefinition, env: Environment): Found {
  const text = env[name];
  // Bun replaces bytes that are not UTF-8 with U+FFFD.
  if (text?.includes("\ufffd")) throw new OptionsError(`${name}: is not UTF-8`);
  return [name, text === "" && (emptyIsNone || reads === "switch") ? undefined : text];
}

/** Rejects flags whose required flag is missing, such as `--durability` without `--data`. @throws OptionsError */
function checkNeeds(options: OptionFields): void {
  for (const { flag, env, option = "", needs } of FLAGS) {
    const [top = "", field = ""] = option.split(".");
    const given = options[top];
    if (needs && isFields(given) && given[field] !== undefined && given["kind"] === undefined)
      throw new OptionsError(`${flag?.split(" ")[0]} (${env}) requires ${needs}`);
  }
}

/** Returns the options from one source. @param find returns the name and value of a flag in this source */
function collect(find: (flag: FlagDefinition) => Found): OptionFields {
  const options: OptionFields = {};
  for (const flag of FLAGS) {
    const [name, value] = find(flag);
    const { option, reads, implies = {} } = flag;
    if (value === undefined || option === undefined) continue;
    const [top = "", field] = option.split(".");
    const read = convert(value, reads, name);
    const before = options[top] as OptionFields | undefined;
    const kind = before?.["kind"] ?? implies["kind"];
    if (implies["kind"] !== undefined && implies["kind"] !== kind)
      throw new OptionsError(`${name}: the ${top} is already ${String(kind)}; remove one of the two`);
    options[top] = field === undefined ? read : { ...before, ...implies, [field]: read };
  }
  return options;
}

/** Merges two sources; objects such as `limits` are merged field by field. */
function merge(preferred: OptionFields, fallback: OptionFields): OptionFields {
  const both = Object.entries(preferred).map(([name, value]) => [name, mergeOne(value, fallback[name])]);
  return { ...fallback, ...Object.fromEntries(both) };
}

function mergeOne(preferred: unknown, fallback: unknown): unknown {
  if (!isFields(preferred) || !isFields(fallback)) return preferred;
  // A store of a different kind replaces the whole object.
  if (preferred["kind"] !== undefined && preferred["kind"] !== fallback["kind"]) return preferred;
  // The order matters: rules from the preferred source are tried first.
  const others = Object.entries(fallback).filter(([name]) => !Object.hasOwn(preferred, name));
  return Object.fromEntries([...Object.entries(preferred), ...others]);
}

function isFields(value: unknown): value is OptionFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function convert(value: Exclude<Flags[string], undefined>, reads: ValueKind = "text", name: string): unknown {
  if (typeof value !== "string") return value;
  if (reads === "number") return number(value);
  if (reads === "list") return value.split(",").map((one) => one.trim());
  if (reads === "json") return json(value, name);
  return reads === "switch" ? toBoolean(value, name) : value;
}

/** Parses a boolean variable. Other words are rejected, because their meaning is unclear. @throws OptionsError */
function toBoolean(text: string, name: string): boolean {
  if (text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  throw new OptionsError(`${name}: is ${JSON.stringify(text)}; set it to 1, true, 0 or false, or unset it`);
}

/** Converts digits to a number. Other text, such as a size with a unit, is left to the schema. */
function number(text: string): number | string {
  return /^[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : text;
}

function json(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OptionsError(`${source}: is not JSON: ${(error as Error).message}`);
  }
}
