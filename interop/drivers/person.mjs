// A person at a browser without a screen: keeps cookies, follows redirects, fills in forms, and presses the button that they were told, once.
//
//     node person.mjs URL NAMES [BUTTON]
//     node person.mjs
//
// NAMES is what they type where somebody asks for a login: one name, or `host:port=name,…` for each place; where the name is empty, they cancel. At glewlwyd, which asks for a password too,
// it may be `name/password`. BUTTON is the value of the button to press on the door's
// pages, whatever its name is: `connect`, if it is not said. Without arguments they do what each line on stdin says, a JSON object, and keep their cookies from one line to the next:
//
//     {"walk": URL, "names": NAMES, "button": BUTTON, "before": PATH}   does what the pages ask for, until one asks for nothing, and stops before PATH, if it is said
//     {"open": URL}                                                     looks at one page, and touches nothing
//     {"post": URL, "fields": {…}, "origin": ORIGIN}                    sends a form that no page has given them
//
// One JSON object on stdout for each: the last page, all responses on the way to it, and `stopped`, the URL that they stopped before.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const decode = (text) => text.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(code)).replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>');
const attribute = (tag, name) => decode(tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? '');

// A form of the door's, whose buttons say what is done.
const isOurs = (form) => /<button\b[^>]*name="(action|answer|provider)"/.test(form);
const isGlewlwyds = ({ url }) => url.pathname.endsWith('/login.html') && url.searchParams.has('callback_url');
const pressing = (form, button) => form.match(/<button\b[^>]*>/g)?.find((tag) => attribute(tag, 'value') === button);

export class Browser {
  #jars = new Map();
  #responses = [];

  // Cookies know no ports, so all places on one machine share them; their paths are not looked at.
  async #send(url, init) {
    const jar = this.#jars.get(url.hostname) ?? new Map();
    this.#jars.set(url.hostname, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, ...(cookie && { cookie }) } });
    const cookies = response.headers.getSetCookie();
    for (const line of cookies) {
      const [pair] = line.split(';');
      const cut = pair.indexOf('=');
      const isOver = /max-age=0|expires=thu, 01 jan 1970/i.test(line);
      if (isOver) jar.delete(pair.slice(0, cut)); else jar.set(pair.slice(0, cut), pair.slice(cut + 1));
    }
    this.#responses.push({ url: url.href, status: response.status, headers: Object.fromEntries(response.headers), cookies });
    return response;
  }

  // Goes where redirects and pages lead, but not to the path `before`, nor below it.
  async #go(to, init = {}, before = undefined) {
    let url = new URL(to);
    for (let hops = 0; hops < 20; hops += 1) {
      if (url.pathname === before || url.pathname.startsWith(`${before}/`)) return { url, status: 0, html: '', stopped: url.href };
      const response = await this.#send(url, init);
      const location = response.headers.get('location') ?? response.headers.get('refresh')?.replace(/^0;url=/, '');
      if (!location) return { url, status: response.status, html: await response.text() };
      url = new URL(location, url);
      init = {};
    }
    throw new Error('redirected for ever');
  }

  #submit(page, form, fields, before) {
    const inputs = [...form.matchAll(/<input\b[^>]*>/g)].map(([tag]) => [attribute(tag, 'name'), attribute(tag, 'value')]);
    const body = new URLSearchParams([...inputs.filter(([name]) => name && !(name in fields)), ...Object.entries(fields)]);
    const action = attribute(form.match(/<form\b[^>]*>/)[0], 'action');
    return this.#go(new URL(action || page.url.href, page.url), posted(body, page.url.origin), before);
  }

  // Its page is a program that only a real browser runs; this sends what it sends: who they are, that they agree, and on.
  async #signInAtGlewlwyd({ url }, names, before) {
    const asked = url.searchParams;
    const [username, password = `a password of ${username}`] = nameFor(url, names).split('/');
    const send = (method, path, body) => this.#send(new URL(`/api/auth/${path}`, url), { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
    const known = await send('POST', '', { username, password });
    if (!known.ok) return { url, status: known.status, html: await known.text() };
    await send('PUT', `grant/${asked.get('client_id')}/`, { scope: asked.get('scope') });
    return this.#go(`${asked.get('callback_url')}&g_continue`, {}, before);
  }

  #seen({ url, status, html, stopped }) {
    const responses = this.#responses;
    this.#responses = [];
    const text = decode(html.replace(/<style>[\s\S]*?<\/style>/g, '').replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ').trim();
    return { url: url.href, status, text, html, stopped, responses };
  }

  // Does what the pages ask for, until one asks for nothing.
  async walk(to, names, { button = 'connect', before } = {}) {
    let page = await this.#go(to, {}, before);
    let pressed = false;
    for (let steps = 0; steps < 12; steps += 1) {
      if (isGlewlwyds(page)) page = await this.#signInAtGlewlwyd(page, names, before);
      const forms = page.html.match(/<form\b[\s\S]*?<\/form>/g)?.filter((form) => !/sign-out/.test(form)) ?? [];
      const form = forms.find((one) => !isOurs(one) || (!pressed && pressing(one, button)));
      if (!form || page.status >= 400) break;
      const fields = {};
      if (form.includes('name="login"')) {
        const login = nameFor(page.url, names);
        if (!login) return this.#seen(await this.#go(new URL(page.html.match(/href="([^"]*\/abort)"/)[1], page.url), {}, before));
        Object.assign(fields, { login, password: 'any' });
      }
      if (isOurs(form)) { fields[attribute(pressing(form, button), 'name')] = button; pressed = true; }
      page = await this.#submit(page, form, fields, before);
    }
    return this.#seen(page);
  }

  async open(to) {
    return this.#seen(await this.#go(to));
  }

  async post(to, fields, origin) {
    return this.#seen(await this.#go(to, posted(new URLSearchParams(fields), origin)));
  }
}

function posted(body, origin) {
  return { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...(origin && { origin }) } };
}

function nameFor(url, names) {
  const each = Object.fromEntries(names.split(',').map((pair) => pair.split('=')).filter((pair) => pair.length === 2));
  return each[url.host] ?? names;
}

function carryOut(browser, { walk, open, post, names, fields, origin, ...how }) {
  if (walk) return browser.walk(walk, names, how);
  return open ? browser.open(open) : browser.post(post, fields, origin);
}

async function tell(doing) {
  const outcome = await doing.catch((error) => ({ error: String(error), cause: String(error.cause) }));
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [url, names, button] = process.argv.slice(2);
  const browser = new Browser();
  if (url) await tell(browser.walk(url, names, { button }));
  else for await (const line of createInterface({ input: process.stdin })) await tell(carryOut(browser, JSON.parse(line)));
}
