// The parts of the DOM that the page's script uses. The rest of the code runs on Bun, whose types do not include the
// DOM. Two sets of global types in one project would hide mistakes in both.

export interface Box {
  readonly clientWidth: number;
  textContent: string | null;
  readonly dataset: Record<string, string | undefined>;
  querySelector(selector: string): Box | null;
  querySelectorAll(selector: string): Iterable<Box>;
}

/** The parts of a canvas context that the charts use. */
export interface Pen {
  strokeStyle: string;
  fillStyle: string;
  lineWidth: number;
  font: string;
  textAlign: string;
  save(): void;
  restore(): void;
  beginPath(): void;
  closePath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
  rect(x: number, y: number, width: number, height: number): void;
  fillRect(x: number, y: number, width: number, height: number): void;
  fillText(text: string, x: number, y: number): void;
  setLineDash(dash: number[]): void;
  stroke(): void;
  fill(): void;
}

interface Browser {
  document: Pick<Box, "querySelector" | "querySelectorAll"> & { documentElement: Box };
  devicePixelRatio: number;
  getComputedStyle(box: Box): { getPropertyValue(name: string): string; fontFamily: string };
  matchMedia(query: string): { addEventListener(type: "change", run: () => void): void };
  ResizeObserver: new (run: () => void) => { observe(box: Box): void };
}

// The script runs in a browser, although the project's types are Bun's.
export const browser = globalThis as unknown as Browser;
