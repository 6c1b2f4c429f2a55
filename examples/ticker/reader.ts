// Subscribes with curl, at full or limited speed, and counts the quotes that were skipped.
interface Line {
  type: string;
  data: { symbol: string; n: number };
}

export class Reader {
  received = 0;
  skipped = 0;
  /** The number of the newest quote received. */
  newest = 0;
  readonly curl: Bun.Subprocess<"ignore", "pipe", "inherit">;
  readonly #last = new Map<string, number>();

  /** `limit` is the value of `curl --limit-rate`; "0" means unlimited. */
  constructor(url: string, limit: string) {
    const command = ["curl", "-sN", "--limit-rate", limit, "-H", "accept: application/x-ndjson", url];
    this.curl = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    void this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.curl.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line) this.#take(JSON.parse(line) as Line);
    }
  }

  #take({ type, data }: Line): void {
    if (type !== "message") return;
    this.received++;
    this.skipped += data.n - (this.#last.get(data.symbol) ?? data.n - 1) - 1;
    this.#last.set(data.symbol, data.n);
    this.newest = data.n;
  }
}
