// `thump token`: signs a token with the server's secret, for trying things out and for scripts.
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
  /** There is no such flag any more. */
  secret?: string | true;
  config?: string;
  json?: true;
}

/** What to print. @throws OptionsError */
export async function createToken(
  flags: TokenFlags,
  env: Record<string, string | undefined>,
  cwd: string,
): Promise<string> {
  const { access } = await readServerOptions(flags, env, cwd);
  const [secret] = access.secrets;
  if (secret === undefined)
    throw new OptionsError(
      "there is no secret to sign with: give --secret-file, THUMP_SECRET or access.secrets",
    );
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

/** The options come from where the server has them, but for a secret given here. */
async function readServerOptions(
  { config, secret: gone, secretFile }: TokenFlags,
  env: Record<string, string | undefined>,
  cwd: string,
): Promise<{ access: AccessSettings }> {
  if (gone !== undefined)
    throw new OptionsError(
      "there is no --secret any more, since others on the machine see flags: use THUMP_SECRET or --secret-file (- reads standard input)",
    );
  const secret = secretFile === undefined ? undefined : await readSecret(secretFile);
  if (secret !== undefined) checkOptions({ access: { secrets: secret } }, `--secret-file ${secretFile}`);
  const withSecret = secret === undefined ? env : { ...env, THUMP_SECRET: secret };
  const options = await readOptions({ config }, withSecret, cwd);
  return { access: resolveAccess(options.access) };
}

/** All of a file but for the line feed at its end. */
async function readSecret(file: string): Promise<string> {
  const bytes = await (file === "-" ? Bun.stdin.bytes() : readFile(file)).catch((error: unknown) => {
    throw new OptionsError(`--secret-file: ${messageOf(error)}`);
  });
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new OptionsError(`--secret-file ${file}: it is not UTF-8`);
  return text.replace(/\r?\n$/, "");
}

function checkSub(sub: string): string {
  const wrong = nameFault(sub);
  if (wrong !== undefined) throw new OptionsError(`--sub: the user's name ${wrong}`);
  return sub;
}

function readRooms(given: string[]): Record<string, string[]> {
  const entries = given.map((grant): [string, string[]] => {
    // A pattern may have an equals sign of its own.
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
    throw new OptionsError(`--info: is not JSON: ${(error as Error).message}`);
  }
}

/** In seconds. */
function readTtl(text: string, lifetime: number): number {
  const ttl = durationMs(/^[0-9]+$/.test(text) ? Number(text) : text);
  if (!(ttl >= 1000)) throw new OptionsError(`--ttl ${text}: write it as 90s, 1h or 7d`);
  if (ttl > lifetime)
    throw new OptionsError(
      `--ttl ${text}: the server takes no token for longer than ${lifetime / 1000} s (access.lifetime)`,
    );
  return Math.floor(ttl / 1000);
}
