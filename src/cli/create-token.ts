// `thump token`: signs a token with the server's secret, for experiments and scripts.
import { readFile } from "node:fs/promises";
import { SignJWT } from "jose";
import { TOKEN_ACTIONS } from "../auth/actions.ts";
import { type AccessSettings, resolveAccess } from "../auth/auth-options.ts";
import { nameFault } from "../protocol/names.ts";
import { durationMs } from "../rooms/units.ts";
import { messageOf } from "./exit-codes.ts";
import { decodeUtf8 } from "./utf8.ts";
import { readOptions } from "../server/config/command-line.ts";
import { checkOptions } from "../server/config/options-schema.ts";
import { OptionsError } from "../server/config/options.ts";

export interface TokenFlags {
  sub?: string;
  room?: string[];
  ttl: string;
  info?: string;
  id?: string;
  secretFile?: string;
  /** Removed flag. Parsed only so that the error can name its replacement. */
  secret?: string | true;
  config?: string;
  json?: true;
}

/** Returns the text to print. @throws OptionsError if a flag is invalid or there is no secret */
export async function createToken(
  flags: TokenFlags,
  env: Record<string, string | undefined>,
  cwd: string,
): Promise<string> {
  const { access } = await readServerOptions(flags, env, cwd);
  const [secret] = access.secrets;
  if (secret === undefined)
    throw new OptionsError("no secret to sign with: set --secret-file, THUMP_SECRET or access.secrets");
  const now = Math.floor(Date.now() / 1000);
  const jwt = new SignJWT({ rooms: readRooms(flags.room ?? []), ...readInfo(flags.info) })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt(now)
    .setExpirationTime(now + readTtl(flags.ttl, access.lifetime))
    .setJti(flags.id ?? crypto.randomUUID());
  if (flags.sub !== undefined) jwt.setSubject(checkSub(flags.sub));
  if (access.issuer[0] !== undefined) jwt.setIssuer(access.issuer[0]);
  if (access.audience[0] !== undefined) jwt.setAudience(access.audience[0]);
  const signed = await jwt.sign(new TextEncoder().encode(secret));
  return `${flags.json ? JSON.stringify({ token: signed }) : signed}\n`;
}

/** Reads the options as the server does. A secret file takes precedence. */
async function readServerOptions(
  { config, secret: removed, secretFile }: TokenFlags,
  env: Record<string, string | undefined>,
  cwd: string,
): Promise<{ access: AccessSettings }> {
  if (removed !== undefined)
    throw new OptionsError(
      "--secret was removed, because every user of the machine can read flags: use THUMP_SECRET or --secret-file (- reads standard input)",
    );
  const secret = secretFile === undefined ? undefined : await readSecret(secretFile);
  if (secret !== undefined) checkOptions({ access: { secrets: secret } }, `--secret-file ${secretFile}`);
  const withSecret = secret === undefined ? env : { ...env, THUMP_SECRET: secret };
  const options = await readOptions({ config }, withSecret, cwd);
  return { access: resolveAccess(options.access) };
}

/** The contents of a file, without a final line ending. */
async function readSecret(file: string): Promise<string> {
  const bytes = await (file === "-" ? Bun.stdin.bytes() : readFile(file)).catch((error: unknown) => {
    throw new OptionsError(`--secret-file: ${messageOf(error)}`);
  });
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new OptionsError(`--secret-file ${file}: the file is not UTF-8`);
  return text.replace(/\r?\n$/, "");
}

function checkSub(sub: string): string {
  const fault = nameFault(sub);
  if (fault !== undefined) throw new OptionsError(`--sub: the user name ${fault}`);
  return sub;
}

function readRooms(given: string[]): Record<string, string[]> {
  const entries = given.map((grant): [string, string[]] => {
    // A pattern may contain an equals sign.
    const at = grant.lastIndexOf("=");
    const actions = at < 1 ? [] : grant.slice(at + 1).split(",");
    const wrong = actions.find((action) => !(TOKEN_ACTIONS as readonly string[]).includes(action));
    if (actions.length === 0 || wrong !== undefined)
      throw new OptionsError(`--room ${grant}: write it as 'chat:*=${TOKEN_ACTIONS.join(",")}'`);
    return [grant.slice(0, at), actions];
  });
  return Object.fromEntries(entries);
}

function readInfo(text: string | undefined): { info?: unknown } {
  if (text === undefined) return {};
  try {
    return { info: JSON.parse(text) as unknown };
  } catch (error) {
    throw new OptionsError(`--info: not JSON: ${(error as Error).message}`);
  }
}

/** Returns seconds. */
function readTtl(text: string, lifetime: number): number {
  const ttl = durationMs(/^[0-9]+$/.test(text) ? Number(text) : text);
  if (!(ttl >= 1000)) throw new OptionsError(`--ttl ${text}: write it as 90s, 1h or 7d`);
  if (ttl > lifetime)
    throw new OptionsError(
      `--ttl ${text}: longer than the maximum lifetime of a token, ${lifetime / 1000} s (access.lifetime)`,
    );
  return Math.floor(ttl / 1000);
}
