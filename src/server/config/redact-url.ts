// Addresses that may hold a credential: how they are shown, and whether they do.

const USERINFO = /\/\/[^/?#]*@/;

/** Without a user and a password, without the values in its query, and without a fragment. */
export function redactUrl(url: string): string {
  return url
    .replace(/#.*$/s, "")
    .replace(USERINFO, "//")
    .replaceAll(/([?&][^=&]*=)[^&]*/g, "$1…");
}

/** Whether it has a password where URLs have one (RFC 3986 §3.2.1). */
export function hasPassword(url: string): boolean {
  return USERINFO.exec(url)?.[0].includes(":") === true;
}
