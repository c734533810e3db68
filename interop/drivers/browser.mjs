// A person at a real browser: Chromium without a screen, and its keyboard.
//
//     node browser.mjs
//
// Does what each line on stdin says, a JSON object, each with a browser profile of its own, and prints one JSON object on stdout for each:
//
//     {"sign_in": URL, "username": NAME, "password": PASSWORD}     signs in, agrees, and goes back to the client
//     {"sign_in_elsewhere": URL, "at": PROVIDER, "username": NAME, "password": PASSWORD}     agrees first, signs in at glewlwyd, and goes back to the client, to `asked` of it
//     {"look": [{"name": …, "url": …, "steps": […]}, …], "into": FOLDER, "language": "de"}     looks at pages from all sides; see page_checks.mjs
//
// `pages` is every page that was seen on the way, and `console` what the browser complained about. What goes wrong is `error`.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { look } from './page_checks.mjs';

const PATIENCE_MS = 20_000;

async function visible(page) {
  const text = await page.locator('body').innerText({ timeout: 2_000 }).catch(() => '');
  return { url: page.url(), title: await page.title().catch(() => ''), text: text.replace(/\s+/g, ' ').trim() };
}

async function signIn(browser, { sign_in: url, username, password }) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const [pages, complaints] = [[], []];
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  const seen = async () => pages.push(await visible(page));
  try {
    const { origin } = new URL(url);
    await page.goto(url);
    await seen();
    await page.fill('input[name=username]', username);
    await page.fill('input[name=password]', password);
    await page.keyboard.press('Enter');
    await page.locator('button[value=allow]').waitFor();
    await seen();
    await page.click('button[value=allow]', { noWaitAfter: true });
    await page.waitForURL((where) => where.origin !== origin, { waitUntil: 'domcontentloaded' });
    await seen();
    return { pages, console: complaints };
  } catch (error) {
    await seen();
    return { error: String(error), pages, console: complaints };
  } finally {
    await context.close();
  }
}

async function signInElsewhere(browser, { sign_in_elsewhere: url, at, username, password }) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const pages = [];
  const seen = async () => pages.push(await visible(page));
  try {
    await page.goto(url);
    await seen();
    await page.click(`button[value=${at}]`, { noWaitAfter: true });
    await page.fill('#username', username);
    await page.fill('#password', password);
    await seen();
    await page.keyboard.press('Enter');
    const onwards = page.getByRole('button', { name: 'Continue' });
    await onwards.waitFor();
    await seen();
    const back = page.waitForRequest((request) => new URL(request.url()).pathname === '/callback');
    await onwards.click({ noWaitAfter: true });
    return { pages, asked: (await back).url() };
  } catch (error) {
    await seen();
    return { error: String(error), pages };
  } finally {
    await context.close();
  }
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
function carryOut(task) {
  if (task.look) return look(browser, task);
  return task.sign_in_elsewhere ? signInElsewhere(browser, task) : signIn(browser, task);
}

process.stdout.write(`${JSON.stringify({ ready: browser.version() })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const task = JSON.parse(line);
  const outcome = await carryOut(task).catch((error) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
await browser.close();
