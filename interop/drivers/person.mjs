// A person at a browser without a screen: keeps cookies, follows redirects, fills in forms, and presses the first button that does not sign out.
//
//     node person.mjs URL NAME [BUTTON]
//
// NAME is what they type where somebody asks for a login: one name, or `host:port=name,…` for each place. BUTTON is the value of the button to press
// on the door's pages (default `connect`). One JSON object on stdout: the last page, and the cookies' attributes, where everything went, and each page's policy.
import { pathToFileURL } from 'node:url';

const decode = (text) => text.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(code)).replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>');
const attribute = (tag, name) => decode(tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? '');

export class Browser {
  #jars = new Map();
  visited = [];
  setCookies = [];
  policies = [];

  // Cookies know no ports, so all places on one machine share them; their paths are not looked at.
  #send(url, init) {
    const jar = this.#jars.get(url.hostname) ?? new Map();
    this.#jars.set(url.hostname, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    return fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, ...(cookie && { cookie }) } }).then((response) => {
      for (const line of response.headers.getSetCookie()) {
        this.setCookies.push(line);
        const [pair] = line.split(';');
        const cut = pair.indexOf('=');
        const isOver = /max-age=0|expires=thu, 01 jan 1970/i.test(line);
        if (isOver) jar.delete(pair.slice(0, cut)); else jar.set(pair.slice(0, cut), pair.slice(cut + 1));
      }
      return response;
    });
  }

  async go(to, init = {}) {
    let url = new URL(to);
    for (let hops = 0; hops < 20; hops += 1) {
      this.visited.push(url.href);
      const response = await this.#send(url, init);
      const location = response.headers.get('location');
      if (!location) {
        this.policies.push(response.headers.get('content-security-policy'));
        return { url, status: response.status, html: await response.text() };
      }
      url = new URL(location, url);
      init = {};
    }
    throw new Error('redirected for ever');
  }

  async submit(page, form, fields) {
    const inputs = [...form.matchAll(/<input\b[^>]*>/g)].map(([tag]) => [attribute(tag, 'name'), attribute(tag, 'value')]);
    const body = new URLSearchParams([...inputs.filter(([name]) => name && !(name in fields)), ...Object.entries(fields)]);
    const action = attribute(form.match(/<form\b[^>]*>/)[0], 'action');
    return this.go(new URL(action || page.url.href, page.url), {
      method: 'POST', body, headers: { origin: page.url.origin, 'content-type': 'application/x-www-form-urlencoded' },
    });
  }

  // Does what the pages ask for, until one asks for nothing.
  async through(to, names, button = 'connect') {
    let page = await this.go(to);
    let pressed = false;
    for (let steps = 0; steps < 12; steps += 1) {
      const forms = page.html.match(/<form\b[\s\S]*?<\/form>/g)?.filter((form) => !/sign-out/.test(form)) ?? [];
      const form = forms.find((one) => !one.includes('name="action"') || (!pressed && one.includes(`value="${button}"`)));
      if (!form || page.status >= 400) break;
      const fields = {};
      if (form.includes('name="login"')) Object.assign(fields, { login: nameFor(page.url, names), password: 'any' });
      if (form.includes('name="action"')) { fields.action = button; pressed = true; }
      page = await this.submit(page, form, fields);
    }
    const text = decode(page.html.replace(/<style>[\s\S]*?<\/style>/g, '').replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ').trim();
    return { status: page.status, text, html: page.html, url: page.url.href, visited: this.visited, setCookies: this.setCookies, policies: this.policies };
  }
}

function nameFor(url, names) {
  const each = Object.fromEntries(names.split(',').map((pair) => pair.split('=')).filter((pair) => pair.length === 2));
  return each[url.host] ?? names;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [url, names, button] = process.argv.slice(2);
  const outcome = await new Browser().through(url, names, button).catch((error) => ({ error: String(error), cause: String(error.cause) }));
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
