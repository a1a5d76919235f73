// The demo chat: two users chat; one loses the socket and then gets the missed messages once each, in order.
import { check, directChat, inBrowser, PASSWORD, person, send, until } from './browser.mjs';

const ann = await person('ann');
const bob = await person('bob');
const chatId = await directChat(ann, bob);
const stamp = Date.now();

await inBrowser(async (open) => {
  const annsPage = await open('/demo/');
  await annsPage.getByRole('button', { name: 'Log in as ann' }).click();
  await openChat(annsPage, bob.name);

  const bobsPage = await open('/demo/');
  const sockets = await keepSockets(bobsPage);
  await bobsPage.reload();
  await bobsPage.getByLabel('Username').fill('bob');
  await bobsPage.getByLabel('Password').fill('not the password');
  await bobsPage.getByRole('button', { name: 'Log in', exact: true }).click();
  await bobsPage.getByRole('alert').waitFor();
  await bobsPage.getByLabel('Password').fill(PASSWORD);
  await bobsPage.getByRole('button', { name: 'Log in', exact: true }).click();
  await openChat(bobsPage, ann.name);
  await isLive(annsPage);
  await isLive(bobsPage);

  await write(annsPage, `hello ${stamp}`);
  await message(bobsPage, `hello ${stamp}`).waitFor();
  await write(bobsPage, `hello back ${stamp}`);
  await message(annsPage, `hello back ${stamp}`).waitFor();
  check((await annsPage.locator('.draft').count()) === 0, 'a sent message is still shown as unsent');

  for (const socket of sockets.splice(0)) await socket.close({ code: 1012, reason: 'trying it out' });
  await bobsPage.getByText('Reconnecting…').waitFor();
  const missed = ['one', 'two', 'three'].map((word) => `${word} ${stamp}`);
  for (const text of missed) await send(ann, chatId, text);
  await isLive(bobsPage);
  await message(bobsPage, `three ${stamp}`).waitFor();
  const shown = (await bobsPage.locator('.message p').allInnerTexts()).filter((text) =>
    text.endsWith(` ${stamp}`),
  );
  const expected = [`hello ${stamp}`, `hello back ${stamp}`, ...missed];
  check(JSON.stringify(shown) === JSON.stringify(expected), `bob sees ${JSON.stringify(shown)}`);

  await pageBack(bobsPage);
});

/** Intercepts every websocket that the page opens, so that the test can close it. */
async function keepSockets(page) {
  const sockets = [];
  await page.routeWebSocket(/\/graphql\//, (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  return sockets;
}

function openChat(page, name) {
  return page.getByRole('navigation').getByRole('button', { name }).first().click();
}

function isLive(page) {
  return page.getByRole('status').getByText('Live').waitFor();
}

function message(page, text) {
  return page.locator('.message:not(.draft) p').getByText(text, { exact: true });
}

async function write(page, text) {
  await page.getByRole('textbox').fill(text);
  await page.keyboard.press('Enter');
}

/** Loads an older page of a group's history and checks that the messages stay in order. */
async function pageBack(page) {
  const groups = page.getByRole('navigation').getByRole('button');
  for (let index = 0; index < (await groups.count()); index += 1) {
    await groups.nth(index).click();
    await page.locator('.message').first().waitFor();
    const older = page.getByRole('button', { name: 'Show older messages' });
    const beginning = page.getByText('The beginning of this chat');
    await older.or(beginning).waitFor();
    if (!(await older.isVisible())) continue;
    const before = await page.locator('.message').count();
    await older.click();
    await until(
      'older messages',
      () => page.locator('.message').count(),
      (count) => count > before,
    );
    const times = await page.locator('.message time').evaluateAll((all) => all.map((one) => one.dateTime));
    check(JSON.stringify(times) === JSON.stringify([...times].sort()), 'messages are out of order');
    return;
  }
}
