// Counts what the server answers to an attacker: statuses of HTTP, and codes of Thump's errors in bodies and frames.

/** An answer says what it is at its beginning: the rest is not looked at, which would cost the attacker its pace. */
const LOOKED_AT = 4096;
const ANSWER = /HTTP\/1\.1 (\d{3})|"code":"([a-z-]+)"/g;

export class Tally {
  readonly answers: Record<string, number> = {};

  see(data: Buffer): void {
    const text = data.toString("latin1", 0, LOOKED_AT);
    for (const [, status, code] of text.matchAll(ANSWER)) {
      const name = status ?? code ?? "";
      this.answers[name] = (this.answers[name] ?? 0) + 1;
    }
  }
}
