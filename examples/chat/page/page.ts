// The chat page: one room at a time, with its last 50 messages, its members and a form for publishing.
import { connect, type Room, type State, type Thump } from "thump/client";
import type { rooms } from "../rooms.ts";

const TOPICS = ["general", "random", "music"] as const;
type Chat = Room<{ text: string }>;

function element<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as E;
}

const log = element("log");
const login = element<HTMLFormElement>("login");
const say = element<HTMLFormElement>("say");
const input = (form: HTMLFormElement) => form.querySelector("input") as HTMLInputElement;

/** Appends a line to the log and scrolls to it, unless the user has scrolled back. */
function add(text: string, className: string, head?: string): void {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const line = document.createElement("li");
  line.className = className;
  if (head !== undefined) line.append(Object.assign(document.createElement("small"), { textContent: head }));
  line.append(text);
  log.append(line);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function showState(state: State): void {
  element("state").textContent = state;
  element("state").dataset["state"] = state;
}

function showMembers({ list, count }: Chat["members"]): void {
  element("count").textContent = `${count} here`;
  const lines = list.map(({ user }) => Object.assign(document.createElement("li"), { textContent: user }));
  element("members").replaceChildren(...lines);
}

/** Leaves the previous room and joins the room named in the page's address (such as #random). */
function enter(thump: Thump<typeof rooms>, me: string, before?: Chat): Chat {
  before?.leave();
  const topic = TOPICS.find((name) => `#${name}` === location.hash) ?? "general";
  const room = thump.room(`chat:${topic}`, { last: 50 });
  log.replaceChildren();
  for (const link of element("topics").querySelectorAll("a"))
    link.toggleAttribute("aria-current", link.hash === `#${topic}`);
  room.on("message", ({ text }, { from = "guest", time }) => {
    const clock = new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    add(text, from === me ? "mine" : "theirs", from === me ? clock : `${from}, ${clock}`);
  });
  room.on("gap", () => add("Some older messages are no longer stored.", "notice"));
  room.on("error", (error) => add(error.message, "notice"));
  room.members.on("change", () => showMembers(room.members));
  return room;
}

function start(me: string): void {
  const thump = connect<typeof rooms>(location.origin, {
    token: async () => (await fetch(`/token?name=${encodeURIComponent(me)}`)).text(),
  });
  thump.on("state", showState);
  showState(thump.state);
  const links = TOPICS.map((name) =>
    Object.assign(document.createElement("a"), { href: `#${name}`, textContent: name }),
  );
  element("topics").replaceChildren(...links);
  login.hidden = true;
  element("chat").hidden = false;
  let room = enter(thump, me);
  addEventListener("hashchange", () => (room = enter(thump, me, room)));
  say.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input(say).value.trim();
    input(say).value = "";
    // While disconnected, the client queues the message. It is sent once after the reconnect.
    if (text) room.publish({ text }).catch((error: Error) => add(error.message, "notice"));
  });
  input(say).focus();
}

login.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = input(login).value.trim();
  const answer = await fetch(`/token?name=${encodeURIComponent(name)}`);
  input(login).setCustomValidity(answer.ok ? "" : "Up to 24 characters, without < > and colons.");
  if (!input(login).reportValidity()) return;
  sessionStorage.setItem("name", name);
  start(name);
});
input(login).addEventListener("input", () => input(login).setCustomValidity(""));

const known = sessionStorage.getItem("name");
if (known) start(known);
