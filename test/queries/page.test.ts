// The page of live queries in a real Chromium, on a real server with real processes.

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { chromium, type Browser, type Page } from 'playwright-core'
import { ROOT } from '../../scripts/toolchain.mjs'
import { ensureWebBuilt } from '../../scripts/web-build.ts'
import { Crosscut } from '../system/running.ts'
import { CHROMIUM_ARGS } from '../web/browser.ts'

const SHOP = path.join(ROOT, 'test', 'queries', 'shop.mjs')
const ROWS_MS_MAX = 30_000

const crosscut = new Crosscut()
let browser: Browser
let page: Page
let front = ''
const complaints: string[] = []

before(async () => {
  await ensureWebBuilt()
  await crosscut.start()
  const back = await shop('back', {})
  front = await shop('front', { NEXT: back })
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_ARGS })
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  page = await context.newPage()
  page.setDefaultTimeout(ROWS_MS_MAX)
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  const { url } = await crosscut.api<{ url: string }>('/login-links', { method: 'POST', body: '{}' })
  await page.goto(url)
})
after(async () => {
  await browser.close()
  await crosscut.close()
})

async function shop(name: string, env: Record<string, string>): Promise<string> {
  const program = await crosscut.run([SHOP], { OTEL_SERVICE_NAME: name, ...env }, /port \d+/)
  return `http://127.0.0.1:${/port (\d+)/.exec(program.output())?.[1]}`
}

const editor = () => page.locator('.query-editor .cm-content')

async function write(text: string): Promise<void> {
  await editor().click()
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText(text)
}

test('a typed question is completed from what is running, answered in rows, and shared by its address', async () => {
  await page.goto(`${crosscut.url}/query`)
  await editor().click()
  await page.keyboard.type('From r In http.server.')
  await page.getByRole('option', { name: 'http.server.request.end' }).waitFor()
  await page.keyboard.press('Escape')

  await write('From r In http.server.request.end\nGroupBy r.service\nSelect r.service As service, COUNT')
  await page.keyboard.press('Control+Enter')
  await page.getByText('no event has matched so far').waitFor()
  await (await fetch(front)).text()
  await page.getByRole('cell', { name: 'front' }).waitFor()
  assert.equal(await page.getByRole('row', { name: /back/ }).locator('td').nth(1).textContent(), '2')

  const shared = page.url()
  const other = await page.context().newPage()
  await other.goto(shared)
  await other.getByRole('cell', { name: 'front' }).waitFor()
  assert.match(String(await other.locator('.query-editor .cm-content').textContent()), /GroupBy r\.service/)
  await other.close()
})

test('what it does is drawn before it runs, and mistakes stand where they are', async () => {
  await write(
    'From call In http.server.request.start Join f In First(http.server.request.start) On f -> call\nSelect f.path, COUNT',
  )
  await page.getByText('packs').first().waitFor()
  assert.match(
    String(await page.locator('.flow').textContent()),
    /f · first.*packs f\.path.*shows f\.path, COUNT/,
  )
  await write('From r In http.server.reqest.end Select COUNT')
  await page.locator('.cm-lintRange-error').first().waitFor()
})

test('a refused text says all that is wrong, and stopping takes the query away', async () => {
  await write('From r In x Select f.a, SUM("b")')
  await page.getByRole('button', { name: 'Run' }).click()
  await page.getByRole('alert').getByText('f is no source').waitFor()
  const running = page.getByRole('region', { name: 'Running queries' })
  await running.getByRole('button', { name: 'Stop' }).click()
  await running.waitFor({ state: 'detached' })
  const { queries } = await crosscut.api<{ queries: unknown[] }>('/queries')
  assert.deepEqual(queries, [])
})

/**
 * The answer 422 was asked for. The other is Chromium's own editing: it keeps the look of deleted lines in
 * style attributes, which the policy refuses, and the editor draws the line anew.
 */
const EXPECTED = /status of 422|Applying inline style/

test('the page had nothing to complain about', () => {
  assert.deepEqual(
    complaints.filter((text) => !EXPECTED.test(text)),
    [],
  )
})
