// The server's HTTP API, as commands use it: an answer, or an error that says what to do and how to exit.
import { CommandError, EXIT, exitCodeOf, explainRefusal, messageOf } from "./exit-codes.ts";

/** A server that does not answer for so long, in ms, is not there. */
const REQUEST_TIMEOUT_MS = 30_000;

/** What the server, or what is on the way to it, said instead of an answer. */
export class ServerError extends CommandError {
  override readonly name = "ServerError";

  constructor(
    message: string,
    /** The HTTP status; nothing where there was no answer, or where it is about one publication of several. */
    readonly status?: number,
    /** The server's stable code. */
    readonly code?: string,
    /** After how long to try again, in ms, if the server said so. */
    readonly retry?: number,
  ) {
    super(message, exitCodeOf(code, status));
  }

  /** Nobody is there, or not for now. */
  get away(): boolean {
    return this.exitCode === EXIT.unreachable;
  }

  /** The same will pass a little later. */
  get passing(): boolean {
    return this.away || this.retry !== undefined || this.code === "timeout";
  }
}

export class HttpApi {
  /** @param base the server, without a slash at its end @param credential a token or an API key */
  constructor(
    readonly base: string,
    readonly credential: string | undefined,
  ) {}

  /**
   * The answer to a request, as JSON.
   * @throws ServerError
   */
  async request(path: string, init: RequestInit = {}): Promise<unknown> {
    const response = await this.#fetch(path, init);
    const text = await response.text().catch((error: unknown) => this.#unreachable(error));
    const body = parse(text);
    if (!response.ok) throw refusal(response, body, this.base + path);
    if (body === undefined)
      throw new ServerError(
        `${this.base}${path} does not answer as a Thump server does. Look at --url.`,
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

function refusal({ status, headers }: Response, body: unknown, url: string): ServerError {
  const { code, detail, retry } = (body ?? {}) as Problem;
  const seconds = Number(headers.get("retry-after") ?? NaN);
  const wait = retry ?? (seconds >= 0 ? seconds * 1000 : undefined);
  // What is no problem document comes from something in between.
  const said = code === undefined ? `${url} answered ${status}.` : explainRefusal(detail ?? code, code);
  return new ServerError(said, status, code, wait);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
