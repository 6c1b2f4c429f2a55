// Counts the server's responses to an attacker: HTTP statuses, and Thump's error codes in bodies and frames.

/**
 * Number of bytes to scan per response. The status or code is at the start, and scanning more would slow the attacker
 * down.
 */
const SCANNED_BYTES = 4096;
const ANSWER = /HTTP\/1\.1 (\d{3})|"code":"([a-z-]+)"/g;

export class Tally {
  readonly answers: Record<string, number> = {};

  see(data: Buffer): void {
    const text = data.toString("latin1", 0, SCANNED_BYTES);
    for (const [, status, code] of text.matchAll(ANSWER)) {
      const name = status ?? code ?? "";
      this.answers[name] = (this.answers[name] ?? 0) + 1;
    }
  }
}
