// Signs in and agrees as a person at a browser would, without scripts, as the pages work without them.
//
//   sign_in.mjs LOG NAME PASSWORD    waits for the authorization URL in the harness's LOG, and goes where it leads
//
// Every form is one of the page's own, every cookie goes back, and from the last page it is on by the `Refresh` header.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 30_000;
const STEPS = 8;

const cookies = new Map();

async function visit(url, init = {}) {
  const headers = { ...init.headers, cookie: [...cookies].map((pair) => pair.join("=")).join("; ") };
  const response = await fetch(url, { redirect: "manual", ...init, headers });
  for (const line of response.headers.getSetCookie()) {
    const [pair] = line.split(";");
    cookies.set(...[pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
  }
  return response;
}

const decode = (text) => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code)).replaceAll("&amp;", "&");
const attribute = (tag, name) => decode(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "");

// The form that a person would send: not the one by which they say that they are somebody else.
function filled(html, values) {
  for (const form of html.match(/<form\b[\s\S]*?<\/form>/g) ?? []) {
    const action = attribute(form.match(/<form\b[^>]*>/)[0], "action");
    if (action.endsWith("/sign-out")) continue;
    const body = new URLSearchParams();
    for (const tag of form.match(/<(?:input|button)\b[^>]*>/g)) {
      const [name, value] = [attribute(tag, "name"), attribute(tag, "value")];
      if (name in values ? tag.startsWith("<input") || values[name] === value : tag.startsWith("<input")) body.set(name, values[name] ?? value);
    }
    return { action, body };
  }
  return undefined;
}

async function walk(start, values) {
  let response = await visit(start);
  for (let step = 0; step < STEPS; step += 1) {
    const on = response.headers.get("refresh")?.split("url=")[1] ?? response.headers.get("location");
    if (on) {
      response = await visit(new URL(on, response.url));
      if (new URL(on, start).origin !== new URL(start).origin) return response;
      continue;
    }
    const html = await response.text();
    const form = response.ok && filled(html, values);
    if (!form) throw new Error(`no way on from ${response.url} (${response.status}): ${html.replace(/<style>[\s\S]*?<\/style>|<[^>]*>/g, " ").replace(/\s+/g, " ")}`);
    response = await visit(new URL(form.action, response.url), { method: "POST", body: form.body, headers: { origin: new URL(form.action, response.url).origin } });
  }
  throw new Error("the pages go round in circles");
}

async function urlIn(log) {
  for (let waited = 0; waited < PATIENCE_MS; waited += 100) {
    const url = /^http:\/\/\S+\?\S*\bcode_challenge=\S+$/m.exec(readFileSync(log, "utf8"))?.[0];
    if (url) return url;
    await sleep(100);
  }
  throw new Error("the harness asks nobody to sign in");
}

const [log, username, password] = process.argv.slice(2);
const response = await walk(await urlIn(log), { username, password, answer: "allow" });
console.log(`back at the client: ${response.status}`);
if (!response.ok) process.exit(1);
