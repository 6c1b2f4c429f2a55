// Stores the API key in this tab, until the tab is closed.

const NAME = "thump console key";

export function loadKey(): string | undefined {
  return sessionStorage.getItem(NAME) ?? undefined;
}

export function saveKey(key: string | undefined): void {
  if (key === undefined) sessionStorage.removeItem(NAME);
  else sessionStorage.setItem(NAME, key);
}
