// Text that does something to a terminal that prints it, and how to see that it was printed.

/** What a terminal acts on, but for the line feeds that end lines. */
export const ACTED_ON =
  // oxlint-disable-next-line no-control-regex -- finding control characters is what it is for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** Clears the screen, sets the window's title, hides what follows, turns it around. */
export const EVIL =
  "x\u001b[2J\u001b]0;owned\u0007\u001b[8m\u009b31m\u0085\u007f\r\u0008\u202e\u2066\u061c\u2028y";

/** What sets colors and nothing else. */
// oxlint-disable-next-line no-control-regex -- as above
export const COLORS = /\u001b\[[0-9;]*m/g;
