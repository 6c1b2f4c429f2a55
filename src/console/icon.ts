// The icon of the console and of the API page, as a data URL.

/** Requires `img-src data:` in the page's policy. */
export const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 64 64'%3E%3Cg fill='%23d4521b'%3E%3Cellipse cx='24' cy='17' rx='6' ry='15' transform='rotate(-9 24 17)'/%3E%3Cellipse cx='40' cy='17' rx='6' ry='15' transform='rotate(9 40 17)'/%3E%3Ccircle cx='32' cy='38' r='14'/%3E%3C/g%3E%3Cpath d='M10 48a22 11 0 0 0 44 0' fill='none' stroke='%23d4521b' stroke-width='4' stroke-linecap='round'/%3E%3C/svg%3E";
