// Where options come from: flags over environment over a file over defaults. Which there are: flag-table.ts.
import { readFile } from "./config-file.ts";
import { flagName, type Reading, type Setting, SETTINGS } from "./flag-table.ts";
import { checkOptions, type Options, OptionsError } from "./options.ts";

type Environment = Record<string, string | undefined>;
/** Flags as they were given, by name without dashes: text, a list of texts, or on and off. */
export type Flags = Record<string, string | string[] | boolean | undefined>;
type Fields = Record<string, unknown>;

/** All options, from everywhere. @throws OptionsError */
export async function readOptions(flags: Flags, env: Environment, cwd: string): Promise<Options> {
  const config = typeof flags["config"] === "string" ? flags["config"] : env["THUMP_CONFIG"];
  const file = await readFile(config, cwd);
  const fromEnv = read("environment", ({ env: name, emptyIsNone }) => {
    const text = env[name];
    return [name, text === "" && emptyIsNone ? undefined : text];
  });
  const fromFlags = read("command line", (setting) => {
    const name = flagName(setting);
    return [`--${name}`, name === undefined ? undefined : flags[name]];
  });
  // Closest first. What has fields of its own, such as limits, is put together field by field.
  const sources = [fromFlags, fromEnv, file];
  const names = new Set(sources.flatMap((source) => Object.keys(source)));
  return Object.fromEntries([...names].map((name) => [name, merge(name, sources as Fields[])]));
}

/** Checks what one source says. `find` gives a setting's name there, and its value. */
function read(source: string, find: (setting: Setting) => [name: string, value: Flags[string]]): Options {
  const options: Fields = {};
  for (const setting of SETTINGS) {
    const [name, value] = find(setting);
    if (value !== undefined && setting.option !== undefined)
      place(options, setting.option, convert(value, setting.reads, name));
  }
  return checkOptions(options, source);
}

/** Puts a value where a path such as `limits.message` says. */
function place(options: Fields, path: string, value: unknown): void {
  const [name = "", field] = path.split(".");
  if (field === undefined) options[name] = value;
  else options[name] = { ...(options[name] as Fields | undefined), [field]: value };
}

/** An option of the closest source that has it; one with fields, of all of them. */
function merge(name: string, sources: Fields[]): unknown {
  const values = sources.map((source) => source[name]).filter((value) => value !== undefined);
  if (!values.every(isFields)) return values[0];
  // The first to name a field decides, and its place in the order: rules given closer by are tried first.
  const merged = new Map<string, unknown>();
  for (const [key, value] of values.flatMap((one) => Object.entries(one as Fields)))
    if (!merged.has(key)) merged.set(key, value);
  return Object.fromEntries(merged);
}

function isFields(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function convert(value: Exclude<Flags[string], undefined>, reads: Reading = "text", name: string): unknown {
  if (typeof value !== "string") return value;
  if (reads === "number") return number(value);
  if (reads === "list") return value.split(",").map((one) => one.trim());
  if (reads === "json") return json(value, name);
  return reads === "switch" ? value !== "0" : value;
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
