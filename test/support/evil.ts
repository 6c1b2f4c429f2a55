// Text with terminal control sequences, and patterns that detect whether it was printed.

/** Control characters that a terminal interprets, except line feeds. */
export const ACTED_ON =
  // oxlint-disable-next-line no-control-regex -- the pattern must find control characters
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

/** Clears the screen, sets the window title, hides text, and reverses its direction. */
export const EVIL =
  "x\u001b[2J\u001b]0;owned\u0007\u001b[8m\u009b31m\u0085\u007f\r\u0008\u202e\u2066\u061c\u2028y";

/** Escape sequences that only set colors. */
// oxlint-disable-next-line no-control-regex -- as above
export const COLORS = /\u001b\[[0-9;]*m/g;
