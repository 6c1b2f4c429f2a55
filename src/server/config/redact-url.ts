// URLs that may contain credentials: masks the credentials for output, and detects passwords.

const USERINFO = /\/\/[^/?#]*@/;

/** Returns the URL without user, password and fragment, and with masked query values. */
export function redactUrl(url: string): string {
  return url
    .replace(/#.*$/s, "")
    .replace(USERINFO, "//")
    .replaceAll(/([?&][^=&]*=)[^&]*/g, "$1…");
}

/** Whether the URL has a password in its user information (RFC 3986 §3.2.1). */
export function hasPassword(url: string): boolean {
  return USERINFO.exec(url)?.[0].includes(":") === true;
}
