// Looks at the pages from all sides: each of them at three widths, light and dark, and with the keyboard alone.
//
// A task is {"look": [NAME, …], "into": FOLDER, "language": "en", "origin": …, "resource": …, "clients": {"known": …, "program": …, "web": …, "long": …}, "username": …,
// "password": …}; for the pages about connections, "cookies" say who it is, "link" is one for somebody else, and "callbacks" are where the server's provider sends them back to, each of them good once. NAMEs are those of PAGES. A picture of each view goes into FOLDER; the outcome is `pages`, each with its `heading` and `faults`, what is wrong with it.
import { mkdirSync } from 'node:fs';
import path from 'node:path';

const WIDTHS = [[360, 740], [768, 1024], [1280, 800]];
const SCHEMES = ['light', 'dark'];
const PATIENCE_MS = 20_000;

// How one gets to each page. Everybody has a browser profile of their own, so that nobody is signed in yet.
const PAGES = {
  'sign-in': async (visit) => visit.asks('known'),
  'sign-in-wrong': async (visit) => { await visit.asks('program'); await visit.signsIn('wrong'); },
  'sign-in-too-often': async (visit) => {
    await visit.asks('program');
    for (let tries = 0; tries < 6; tries += 1) await visit.signsIn('wrong', `nobody-${visit.task.language}`);
  },
  consent: async (visit) => { await visit.asks('known', { scope: 'letters:read letters:write offline_access' }); await visit.signsIn(); },
  'consent-program': async (visit) => { await visit.asks('program'); await visit.signsIn(); },
  'consent-web': async (visit) => { await visit.asks('web'); await visit.signsIn(); },
  'consent-long': async (visit) => { await visit.asks('long'); await visit.signsIn(); },
  done: async (visit) => { await visit.asks('program'); await visit.signsIn(); await visit.answers('allow'); },
  'done-no': async (visit) => { await visit.asks('program'); await visit.signsIn(); await visit.answers('deny'); },
  device: async (visit) => visit.opens('/device'),
  'device-wrong': async (visit) => { await visit.opens('/device'); await visit.types('WDJB-MJHT'); },
  'device-consent': async (visit) => visit.signsInADevice(),
  'device-done': async (visit) => { await visit.signsInADevice(); await visit.answers('allow'); },
  'consent-described': async (visit) => { await visit.asks('described'); await visit.signsIn(); },
  // These where people sign in at a provider.
  'sign-in-elsewhere': async (visit) => visit.asks('program'),
  'consent-elsewhere': async (visit) => visit.asks('program'),
  leaving: async (visit) => { await visit.asks('program'); await visit.answers('sso'); },
  'problem-request': async (visit) => visit.opens('/authorize'),
  'problem-unknown-client': async (visit) => visit.asks('known', { client_id: 'client_AAAAAAAAAAAAAAAAAAAAAA' }),
  'problem-redirect': async (visit) => visit.asks('known', { redirect_uri: 'https://elsewhere.example/back' }),
  'problem-refused': async (visit) => visit.asks('web', { response_type: 'token' }),
  'problem-no-errand': async (visit) => { await visit.asks('known'); await visit.changes((asked) => { asked.value = 'x'; }); },
  'problem-unreadable': async (visit) => { await visit.asks('known'); await visit.changes((asked) => asked.remove()); },
  'problem-no-page': async (visit) => visit.opens('/authorize/sign-in'),
  // These are about connections: to The Docs there is one, to The Notes there is none.
  'connect-list': async (visit) => visit.opens('/connections'),
  'connect-consent': async (visit) => visit.opens('/connections/to/notes'),
  'connect-consent-again': async (visit) => visit.opens('/connections/to/docs'),
  'connect-leave': async (visit) => { await visit.opens('/connections/to/notes'); await visit.answers('connect', '**/connections/to/notes'); },
  'connect-choose': async (visit) => { await visit.isNobody(); await visit.opens('/connections'); },
  'connect-for-somebody-else': async (visit) => visit.page.goto(visit.task.link),
  'connect-link-ended': async (visit) => visit.opens('/connections/to/docs?for=x'),
  'connect-no-errand': async (visit) => visit.opens('/connections/back/docs?state=x&code=y'),
  'connect-no-page': async (visit) => visit.opens('/connections/nowhere'),
  'connect-said-no': async (visit) => visit.comesBack((callback) => callback.replace(/\bcode=[^&]*/, 'error=access_denied')),
  'connect-unreadable': async (visit) => visit.opens('/connections/back/docs'),
  'connect-signed-out': async (visit) => { await visit.opens('/connections'); await visit.presses('footer button'); },
  'connect-connected': async (visit) => visit.comesBack(),
  // Whoever presses it once more, on a page from before, is told again.
  'connect-disconnected': async (visit) => {
    await visit.opens('/connections/to/docs');
    await visit.page.evaluate(() => { document.querySelector('button[name=action]').value = 'disconnect'; });
    await visit.presses('button[value=disconnect]');
  },
  // These depend on the file of accounts, which the test changes.
  'problem-nobody': async (visit) => visit.asks('known'),
  'problem-broken': async (visit) => visit.asks('known'),
};

class Visit {
  constructor(task, page, name) {
    this.name = name;
    this.task = task;
    this.page = page;
  }

  async opens(rest) {
    await this.page.goto(this.task.origin + rest);
  }

  async asks(client, more = {}) {
    const { id, redirect } = this.task.clients[client];
    const question = new URLSearchParams({
      response_type: 'code', client_id: id, redirect_uri: redirect, resource: this.task.resource, state: 'as-it-was',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', ...more,
    });
    await this.opens(`/authorize?${question}`);
  }

  async signsIn(password = this.task.password, username = this.task.username) {
    await this.page.fill('input[name=username]', username);
    await this.page.fill('input[name=password]', password);
    await Promise.all([this.page.waitForNavigation(), this.page.keyboard.press('Enter')]);
  }

  // What a device shows its person.
  async types(code) {
    await this.page.fill('input[name=user_code]', code);
    await Promise.all([this.page.waitForNavigation(), this.page.keyboard.press('Enter')]);
  }

  async signsInADevice() {
    const body = new URLSearchParams({ client_id: this.task.clients.known.id, resource: this.task.resource, scope: 'letters:read' });
    const device = await (await fetch(`${this.task.origin}/device_authorization`, { method: 'POST', body })).json();
    await this.opens('/device');
    await this.types(device.user_code);
    await this.signsIn();
  }

  // The last page goes on by itself at once; here it stays.
  async answers(answer, form = '**/authorize/consent') {
    await this.page.route(form, async (route) => {
      const response = await route.fetch();
      const { refresh, ...headers } = response.headers();
      this.goesOn = Boolean(refresh);
      await route.fulfill({ response, headers });
    });
    await this.presses(`button[value=${answer}]`);
  }

  async presses(button) {
    await Promise.all([this.page.waitForNavigation(), this.page.click(button)]);
  }

  async isNobody() {
    await this.page.context().clearCookies();
  }

  // From the server's provider, with what it has answered.
  async comesBack(changed = (callback) => callback) {
    await this.page.goto(changed(this.task.callbacks[this.name][this.task.language]));
  }

  // Somebody has changed the form that they were given.
  async changes(how) {
    await this.page.evaluate(`(${how})(document.querySelector('input[name=asked]'))`);
    await this.signsIn();
  }
}

// What a page has to be, whoever looks at it. Runs in the page, so it stands alone.
function inspect(language) {
  const faults = [];
  const isVisible = (element) => element.getClientRects().length > 0;
  const all = (selector) => [...document.querySelectorAll(selector)].filter(isVisible);
  const called = (element) => `${element.tagName.toLowerCase()} \`${(element.innerText || element.name || '').slice(0, 40)}\``;
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push(`scrolls sideways by ${root.scrollWidth - root.clientWidth} px`);
  if (root.lang !== language) faults.push(`is in ${root.lang}`);
  if (!document.title.trim()) faults.push('has no title');
  for (const [selector, count] of [['h1', 1], ['main', 1]]) if (all(selector).length !== count) faults.push(`has ${all(selector).length} ${selector}`);
  for (const input of all('input')) {
    if (![...input.labels].some((label) => label.innerText.trim())) faults.push(`${called(input)} has no label`);
    if (!input.autocomplete) faults.push(`${called(input)} does not say what it wants to be filled with`);
  }
  for (const control of all('a, button, summary')) {
    if (!control.innerText.trim()) faults.push(`${called(control)} says nothing`);
  }
  for (const control of all('input, button, summary')) {
    const { width, height } = control.getBoundingClientRect();
    if (width < 24 || height < 24) faults.push(`${called(control)} is ${width} by ${height} px: hard to hit`);
  }
  for (const element of all('script, img, iframe, link[rel=stylesheet]')) faults.push(`brings ${called(element)} with it`);
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  if (new Set(ids).size !== ids.length) faults.push(`uses an id twice: ${ids}`);
  const trouble = document.querySelector('.trouble');
  if (trouble && trouble.getAttribute('role') !== 'alert') faults.push('a screen reader does not say what went wrong');

  // WCAG 2.2, 1.4.3: contrast of text with what is behind it.
  const channels = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [red, green, blue] = channels(colour).slice(0, 3).map((value) => { const part = value / 255; return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !isVisible(element) || element.closest('style')) continue;
    const style = getComputedStyle(element);
    const [light, dark] = [luminance(style.color), luminance(ground(element))].sort((one, other) => other - one);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (ratio < least) faults.push(`the contrast of ${called(element)} is ${ratio.toFixed(2)}`);
  }
  return faults;
}

// Whoever has only a keyboard reaches everything, in the order in which it stands there, and sees where they are.
async function withKeyboard(page) {
  const faults = [];
  const controls = await page.evaluate(() => {
    const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary')];
    all.forEach((control, index) => { control.dataset.order = index; });
    document.activeElement?.blur();
    return all.length;
  });
  const reached = [];
  for (let presses = 0; presses < 2 * controls + 2 && new Set(reached).size < controls; presses += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at?.dataset.order) return undefined;
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      return { order: Number(at.dataset.order), isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2, what: at.innerText || at.name };
    });
    if (!focused) continue;
    if (!focused.isSeen) faults.push(`nobody sees that the keyboard is at \`${focused.what}\``);
    reached.push(focused.order);
  }
  if (new Set(reached).size !== controls) faults.push(`the keyboard reaches ${new Set(reached).size} of ${controls} controls`);
  const steps = reached.slice(1).every((order, index) => order === (reached[index] + 1) % controls);
  if (!steps) faults.push(`the keyboard goes in the order ${reached}`);
  return faults;
}

async function lookAt(browser, task, name) {
  const { into, language, origin } = task;
  const context = await browser.newContext({ locale: language === 'de' ? 'de-DE' : 'en-GB' });
  await context.addCookies((task.cookies ?? []).map((cookie) => ({ ...cookie, url: origin })));
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults = new Set();
  // That the page itself comes with an error's status is no complaint.
  page.on('console', (message) => { if (['error', 'warning'].includes(message.type()) && !/^Failed to load resource: .* status of [45]/.test(message.text())) faults.add(`the browser complains: ${message.text()}`); });
  page.on('pageerror', (error) => faults.add(`a script fails: ${error}`));
  page.on('request', (request) => { if (new URL(request.url()).origin !== origin || request.resourceType() !== 'document') faults.add(`asks for ${request.url()}`); });
  try {
    const visit = new Visit(task, page, name);
    await PAGES[name](visit);
    await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
    if (/^done|leav/.test(name) && !visit.goesOn) faults.add('does not go on by itself');
    for (const [width, height] of WIDTHS) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        for (const fault of await page.evaluate(inspect, language)) faults.add(`${fault} (${width} px, ${colorScheme})`);
        await page.screenshot({ path: path.join(into, `${name}-${language}-${width}-${colorScheme}.png`), fullPage: true });
      }
    }
    for (const fault of await withKeyboard(page)) faults.add(fault);
    return { name, heading: await page.locator('h1').innerText(), faults: [...faults] };
  } catch (error) {
    const text = await page.locator('body').innerText({ timeout: 1_000 }).catch(() => '');
    return { name, heading: '', faults: [...faults, `cannot be looked at: ${error}`, `the browser saw ${page.url()}: ${text}`] };
  } finally {
    await context.close();
  }
}

export async function look(browser, task) {
  mkdirSync(task.into, { recursive: true });
  const pages = [];
  for (const name of task.look) pages.push(await lookAt(browser, task, name));
  return { pages };
}
