// Preloaded into a program: SIGUSR1 sets the program's clock back by an hour, and SIGUSR2 sets it forward by an hour.
const HOUR = 3_600_000;
const RealDate = Date;
const wall = Date.now.bind(Date);
let offset = 0;

class SetDate extends RealDate {
  constructor(...given: []) {
    if (given.length === 0) super(wall() + offset);
    else super(...given);
  }
  static override now(): number {
    return wall() + offset;
  }
}
globalThis.Date = SetDate as DateConstructor;
process.on("SIGUSR1", () => shift(-HOUR));
process.on("SIGUSR2", () => shift(HOUR));

function shift(ms: number): void {
  offset += ms;
  console.log(`the clock was set by ${ms} ms`);
}
