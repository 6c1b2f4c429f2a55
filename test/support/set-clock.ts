// Loaded before a program: the clock of its machine is set back by an hour on SIGUSR1, forward by one on SIGUSR2.
const HOUR = 3_600_000;
const RealDate = Date;
const wall = Date.now.bind(Date);
let set = 0;

class SetDate extends RealDate {
  constructor(...given: []) {
    if (given.length === 0) super(wall() + set);
    else super(...given);
  }
  static override now(): number {
    return wall() + set;
  }
}
globalThis.Date = SetDate as DateConstructor;
process.on("SIGUSR1", () => tell(-HOUR));
process.on("SIGUSR2", () => tell(HOUR));

function tell(ms: number): void {
  set += ms;
  console.log(`the clock was set by ${ms} ms`);
}
