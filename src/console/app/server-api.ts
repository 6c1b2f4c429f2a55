// The console's HTTP client. Sends the user's API key.
import type { Code } from "../../protocol/codes.ts";

/** An error with the server's code; `gone` if there was no response. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly code: Code | "gone",
    message: string,
    readonly status = 0,
  ) {
    super(message);
  }
}

export class ServerApi {
  /**
   * @param base the server's URL without a trailing slash
   * @param key an API key; undefined for a server without credentials
   */
  constructor(
    readonly base: string,
    readonly key: string | undefined,
  ) {}

  /** @throws ApiError on an error, `AbortError` if aborted */
  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await this.#send("GET", path, signal);
    return (await response.json()) as T;
  }

  async delete(path: string): Promise<void> {
    await this.#send("DELETE", path);
  }

  async #send(method: string, path: string, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (this.key !== undefined) headers["authorization"] = `Bearer ${this.key}`;
    let response: Response;
    try {
      response = await fetch(this.base + path, {
        method,
        headers,
        cache: "no-store",
        signal: signal ?? null,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError("gone", "The server does not respond.");
    }
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as { code?: Code; detail?: string };
    throw new ApiError(
      problem.code ?? "gone",
      problem.detail ?? `The server responded with status ${response.status}.`,
      response.status,
    );
  }
}

/** A room in the response of `GET /rooms`. */
export interface RoomListRow {
  room: string;
  sessions: number;
  newest?: number;
  kept?: { count: number; bytes: number };
}

export interface SessionRow {
  session: string;
  transport: string;
  user?: string;
  address?: string;
  since: number;
  rooms: number;
  lagging: boolean;
}

export interface MembershipDetail {
  room: string;
  at: string;
  live: boolean;
  behind: number;
  more?: true;
  max?: number;
  lag: string;
}

export interface SessionDetail extends SessionRow {
  info?: unknown;
  deadline?: number;
  lags: { times: number; at?: number; waiting?: number };
  waiting?: number;
  /** Maximum number of bytes that may wait. */
  allowed: number;
  full: boolean;
  sent: number;
  received: number;
  memberships: MembershipDetail[];
}

export interface RuleText {
  history: false | { read: string; count: number; age: number; bytes: number; store?: string };
  lag: string;
  join: string;
  publish: string;
  members: string;
  presence: false | { grace: number; list: number; info: boolean };
  compress: unknown;
  schema?: unknown;
}

export interface PatternRule {
  pattern: string | null;
  rule: RuleText;
}
