// Shared by the browser scripts: Chromium, requests to the API from outside of the pages, and a check with a message.
// Run as `node SCRIPT BASE_URL`, with CHROMIUM and WEB (the folder with node_modules) in the environment.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { chromium } = createRequire(join(process.env.WEB, 'package.json'))('playwright-core');

export const BASE = process.argv[2].replace(/\/$/, '');
export const PASSWORD = 'parlor-demo';
const TIMEOUT_MS = 20_000;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Runs a scenario in a new browser. It fails on an error on any page, and on a request to another host. */
export async function inBrowser(scenario) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
  const troubles = [];
  let pages = [];
  try {
    await scenario(async (path) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
      context.setDefaultTimeout(TIMEOUT_MS);
      const page = await context.newPage();
      watch(page, troubles);
      pages.push(page);
      await page.goto(BASE + path);
      return page;
    });
    check(troubles.length === 0, troubles.join('\n'));
  } catch (error) {
    await keepPictures(pages);
    console.error(error, ...troubles);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

function watch(page, troubles) {
  page.on('pageerror', (error) => troubles.push(`error on the page: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.host !== new URL(BASE).host)
      troubles.push(`asked ${url.host}`);
  });
}

async function keepPictures(pages) {
  if (!process.env.PICTURES) return;
  for (const [index, page] of pages.entries()) {
    await page.screenshot({ path: join(process.env.PICTURES, `page-${index}.png`) }).catch(() => undefined);
  }
}

export function check(condition, sentence) {
  if (!condition) throw new Error(sentence);
}

/** Waits until `read()` returns a value that `accept` accepts, and returns that value. */
export async function until(what, read, accept = Boolean) {
  const end = Date.now() + TIMEOUT_MS;
  for (let seen; ; ) {
    seen = await read();
    if (accept(seen)) return seen;
    check(Date.now() < end, `${what} did not come; last seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Sends one request to the API; fails on any error. */
export async function api(query, variables = {}, token = null) {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(`${BASE}/graphql/`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  check(!errors, JSON.stringify(errors));
  return data;
}

/** Logs a user in from outside of the pages; returns { token, id, name }. */
export async function person(username) {
  const query = `mutation ($username: String!, $password: String!) {
    login(username: $username, password: $password) { accessToken user { id displayName } }
  }`;
  const { login } = await api(query, { username, password: PASSWORD });
  return { token: login.accessToken, id: login.user.id, name: login.user.displayName };
}

/** Returns the id of the direct chat of two users; creates it if there is none. */
export async function directChat(one, other) {
  const query = 'mutation ($userId: ID!) { startDirectChat(userId: $userId) { id } }';
  const { startDirectChat } = await api(query, { userId: other.id }, one.token);
  return startDirectChat.id;
}

export async function send(from, chatId, text) {
  const query = 'mutation ($input: SendMessageInput!) { sendMessage(input: $input) { id seq } }';
  const { sendMessage } = await api(query, { input: { chatId, text } }, from.token);
  return sendMessage;
}
