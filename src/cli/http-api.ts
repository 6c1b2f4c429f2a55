// HTTP client of the commands: returns JSON, or throws an error with an exit code.
import { CommandError, EXIT, exitCodeOf, describeError, messageOf } from "./exit-codes.ts";

/** A server that does not respond within this time counts as unreachable. */
const REQUEST_TIMEOUT_MS = 30_000;

/** An error response from the server or a proxy, or a failed request. */
export class ServerError extends CommandError {
  override readonly name = "ServerError";

  constructor(
    message: string,
    /** The HTTP status. Undefined if there was no response, or if the error is about one item of a batch. */
    readonly status?: number,
    /** The server's stable code. */
    readonly code?: string,
    /** Delay in ms after which to retry, if the server sent one. */
    readonly retry?: number,
  ) {
    super(message, exitCodeOf(code, status));
  }

  /** True if the server is unreachable or temporarily unavailable. */
  get isUnavailable(): boolean {
    return this.exitCode === EXIT.unreachable;
  }

  /** True if a later retry may succeed. */
  get isRetryable(): boolean {
    return this.isUnavailable || this.retry !== undefined || this.code === "timeout";
  }
}

export class HttpApi {
  /** @param base the server's URL without a trailing slash @param credential a token or an API key */
  constructor(
    readonly base: string,
    readonly credential: string | undefined,
  ) {}

  /**
   * Sends a request, and returns the JSON of the response.
   * @throws ServerError on an error response, on an invalid response, or if there is no response
   */
  async request(path: string, init: RequestInit = {}): Promise<unknown> {
    const response = await this.#fetch(path, init);
    const text = await response.text().catch((error: unknown) => this.#unreachable(error));
    const body = parse(text);
    if (!response.ok) throw errorOf(response, body, this.base + path);
    if (body === undefined)
      throw new ServerError(
        `The response of ${this.base}${path} is not from a Thump server. Check --url.`,
        response.status,
      );
    return body;
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const authorization = this.credential === undefined ? {} : { authorization: `Bearer ${this.credential}` };
    try {
      return await fetch(this.base + path, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), ...authorization },
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
    } catch (error) {
      return this.#unreachable(error);
    }
  }

  #unreachable(error: unknown): never {
    throw new ServerError(`${this.base} cannot be reached: ${messageOf(error)}`);
  }
}

interface Problem {
  code?: string;
  detail?: string;
  retry?: number;
}

function errorOf({ status, headers }: Response, body: unknown, url: string): ServerError {
  const { code, detail, retry } = (body ?? {}) as Problem;
  const seconds = Number(headers.get("retry-after") ?? NaN);
  const wait = retry ?? (seconds >= 0 ? seconds * 1000 : undefined);
  // A response that is not a problem document comes from a proxy.
  const message =
    code === undefined ? `${url} responded with status ${status}.` : describeError(detail ?? code, code);
  return new ServerError(message, status, code, wait);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
