// GraphiQL: log in, run a query, subscribe in one window while another window sends; a refused token is reported.
import { check, directChat, inBrowser, PASSWORD, person, until } from './browser.mjs';

const ann = await person('ann');
const bob = await person('bob');
const chatId = await directChat(ann, bob);
const text = `live ${Date.now()}`;

await inBrowser(async (open) => {
  const first = await open('/graphql/');
  await logIn(first, 'ann', 'not the password');
  await first.locator('#bar').getByRole('alert').waitFor();
  await logIn(first, 'ann', PASSWORD);
  await first.getByText(`Logged in as ${ann.name}`).waitFor();
  await until(
    'the token in the headers pane',
    () => pane(first, 'headers'),
    (shown) => /"Authorization": *"Bearer /.test(shown),
  );

  await run(first);
  await until(
    'the answer to WhoAmI',
    () => response(first),
    (shown) => shown.includes('"username": "ann"'),
  );

  await openTab(first, 'LiveFeed');
  await setPane(first, 'variables', { chatId });
  await run(first);
  await until(
    'FeedReady',
    () => response(first),
    (shown) => shown.includes('FeedReady'),
  );
  await first.locator('#bar').getByRole('status').getByText('Live', { exact: true }).waitFor();

  const second = await open('/graphql/');
  await logIn(second, 'bob', PASSWORD);
  await second.getByText(`Logged in as ${bob.name}`).waitFor();
  await openTab(second, 'SendMessage');
  await setPane(second, 'variables', { input: { chatId, text } });
  await run(second);
  await until(
    'the answer to SendMessage',
    () => response(second),
    (shown) => shown.includes(text),
  );
  const event = await until(
    'the message in the first window',
    () => response(first),
    (shown) => shown.includes(text),
  );
  check(event.includes('MessagePosted'), `not a MessagePosted: ${event}`);

  await first.getByRole('button', { name: 'Show Live events' }).click();
  const listed = await first.getByLabel('Live events', { exact: true }).last().innerText();
  check(listed.includes('FeedReady') && listed.includes(text), `the list of live events has: ${listed}`);

  await stop(first);
  await setPane(first, 'headers', { Authorization: 'Bearer forged' });
  await run(first);
  await until(
    'the reason of the close',
    () => response(first),
    (shown) => shown.includes('"closeCode": 4403'),
  );
  await first.locator('#bar .socket[data-phase=closed]').waitFor();
});

async function logIn(page, username, password) {
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

function openTab(page, name) {
  return page.getByRole('tab', { name }).click();
}

function run(page) {
  return page.getByRole('button', { name: /^Execute query/ }).click();
}

function stop(page) {
  return page.getByRole('button', { name: /^Stop query/ }).click();
}

/** The text that Monaco shows, with normal instead of non-breaking spaces. */
async function shownIn(locator) {
  return (await locator.innerText()).replaceAll('\u00a0', ' ');
}

function response(page) {
  return shownIn(page.locator('.graphiql-response .view-lines'));
}

async function editor(page, name) {
  await page.locator(`.graphiql-editor-tools [data-name=${name}]`).click();
  return page.locator('.graphiql-editor-tool .graphiql-editor:not(.hidden) .view-lines');
}

async function pane(page, name) {
  return shownIn(await editor(page, name));
}

async function setPane(page, name, value) {
  await (await editor(page, name)).click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.press('Delete');
  await page.keyboard.type(JSON.stringify(value));
}
