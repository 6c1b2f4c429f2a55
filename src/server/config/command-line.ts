// Where options come from: flags over environment over a file over defaults. Which there are: flag-table.ts.
import { readFile } from "./config-file.ts";
import { flagName, type ValueKind, type Setting, SETTINGS } from "./flag-table.ts";
import { checkOptions } from "./options-schema.ts";
import { type Options, OptionsError } from "./options.ts";
import { hasPassword } from "./redact-url.ts";

type Environment = Record<string, string | undefined>;
/** Flags as they were given, by name without dashes: text, a list of texts, or on and off. */
export type Flags = Record<string, string | string[] | boolean | undefined>;
type OptionFields = Record<string, unknown>;

/** All options, from everywhere. @throws OptionsError */
export async function readOptions(flags: Flags, env: Environment, cwd: string): Promise<Options> {
  const config = typeof flags["config"] === "string" ? flags["config"] : env["THUMP_CONFIG"];
  // What is about another option waits until all have spoken: that one may be closer by.
  const fromEnv = collect((setting) => (setting.needs ? [setting.env, undefined] : variable(setting, env)));
  const fromFlags = collect((setting) => {
    const name = flagName(setting);
    const value = name === undefined ? undefined : flags[name];
    if (typeof value === "string" && hasPassword(value))
      throw new OptionsError(
        `--${name}: has a password in it, and others on the machine see flags: use ${setting.env} or the config file`,
      );
    return value === undefined && setting.needs ? variable(setting, env) : [`--${name}`, value];
  });
  // What was right before is right no more because of what is said here.
  const withEnv = checkOptions(merge(fromEnv, { ...(await readFile(config, cwd)) }), "environment");
  const all = merge(fromFlags, { ...withEnv });
  checkNeeds(all);
  return checkOptions(all, "command line");
}

type Found = [name: string, value: Flags[string]];

function variable({ env: name, emptyIsNone, reads }: Setting, env: Environment): Found {
  const text = env[name];
  // What Bun put in place of bytes that are no text.
  if (text?.includes("\ufffd")) throw new OptionsError(`${name}: is not UTF-8`);
  return [name, text === "" && (emptyIsNone || reads === "switch") ? undefined : text];
}

/** A field alone does not say of which kind the option is that it is a field of. */
function checkNeeds(options: OptionFields): void {
  for (const { flag, env, option = "", needs } of SETTINGS) {
    const [top = "", field = ""] = option.split(".");
    const given = options[top];
    if (needs && isFields(given) && given[field] !== undefined && given["kind"] === undefined)
      throw new OptionsError(`${flag?.split(" ")[0]}, or ${env}: give ${needs} too, or leave it out`);
  }
}

/** What one source says, as options. `find` gives a setting's name there, and its value. */
function collect(find: (setting: Setting) => Found): OptionFields {
  const options: OptionFields = {};
  for (const setting of SETTINGS) {
    const [name, value] = find(setting);
    const { option, reads, implies = {} } = setting;
    if (value === undefined || option === undefined) continue;
    const [top = "", field] = option.split(".");
    const read = convert(value, reads, name);
    const before = options[top] as OptionFields | undefined;
    const kind = before?.["kind"] ?? implies["kind"];
    if (implies["kind"] !== undefined && implies["kind"] !== kind)
      throw new OptionsError(`${name}: the ${top} is ${String(kind)} already; leave one of the two out`);
    options[top] = field === undefined ? read : { ...before, ...implies, [field]: read };
  }
  return options;
}

/** Options over others. Those with fields of their own, such as limits, are put together field by field. */
function merge(closer: OptionFields, farther: OptionFields): OptionFields {
  const both = Object.entries(closer).map(([name, value]) => [name, mergeOne(value, farther[name])]);
  return { ...farther, ...Object.fromEntries(both) };
}

function mergeOne(closer: unknown, farther: unknown): unknown {
  if (!isFields(closer) || !isFields(farther)) return closer;
  // Something of another kind altogether.
  if (closer["kind"] !== undefined && closer["kind"] !== farther["kind"]) return closer;
  // In this order: rules given closer by are tried first, and the others still hold for other names.
  const others = Object.entries(farther).filter(([name]) => !Object.hasOwn(closer, name));
  return Object.fromEntries([...Object.entries(closer), ...others]);
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

/** Reads every boolean variable. Any other word could mean the opposite of what it would be taken for. */
function toBoolean(text: string, name: string): boolean {
  if (text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  throw new OptionsError(
    `${name}: is ${JSON.stringify(text)}; set it to 1, true, 0 or false, or leave it out`,
  );
}

/** A size or a duration without a unit is a number, in bytes or seconds. What is no number stays for the schema. */
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
