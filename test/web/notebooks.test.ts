// Notebooks that are kept, in a real Chromium on a real server: saved, found, opened, changed by two people,
// renamed, deleted; and features over all that is stored.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { chromium, type Browser, type Locator, type Page } from 'playwright-core'
import type { NotebookView } from '#protocol'
import { startServer, type ServerHandle } from '#server'
import { ensureWebBuilt } from '../../scripts/web-build.ts'
import { memoryPipeline, spanOf } from '../../service/server/memory-pipeline.fixture.ts'
import { CHROMIUM_ARGS, until } from './browser.ts'

const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-notebooks-page-'))
const WAIT_MS_MAX = 30_000
const HOSTILE = '<img src=x onerror="window.__pwned=1">'
const SPANS = [0, 1, 2].map((index) => spanOf(index))

let server: ServerHandle
let browser: Browser
let page: Page
const complaints: string[] = []

before(async () => {
  await ensureWebBuilt()
  server = await startServer({ dataDir, port: 0, otlpPort: 0 }, {}, memoryPipeline(SPANS).parts)
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_ARGS })
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS_MAX)
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('response', (answer) => {
    if (answer.status() >= 400) complaints.push(`${answer.status()} ${answer.url()}`)
  })
  page.on('dialog', (dialog) => void dialog.accept())
  const { url } = await ask<{ url: string }>('POST', '/login-links', {})
  await page.goto(url)
})
after(async () => {
  await browser?.close()
  await server.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function ask<T>(method: string, place: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${server.url}/api/v1${place}`, {
    method,
    headers: { authorization: `Bearer ${server.adminToken}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  assert.ok(answer.ok, `${method} ${place} answered ${answer.status}: ${text}`)
  return JSON.parse(text) as T
}

const pathOf = (): string => new URL(page.url()).pathname
const button = (name: string): Locator => page.getByRole('button', { name, exact: true })
const note = (): Locator => page.getByRole('textbox', { name: 'Text', exact: true })
const nameField = (): Locator => page.getByRole('textbox', { name: 'Name of the notebook' })
const stored = (id: string): Promise<NotebookView> => ask('GET', `/notebooks/${id}`)
const idIn = (): string => pathOf().split('/').at(-1) ?? ''
const textOf = (view: NotebookView): string | undefined =>
  view.cells.find(({ kind }) => kind === 'text')?.text

/** Somebody else saves over it. */
async function otherSaves(id: string, text: string): Promise<void> {
  const { name, version, sample } = await stored(id)
  await ask('PUT', `/notebooks/${id}`, { name, version, sample, cells: [{ kind: 'text', text }] })
}

async function openSaved(name: string, text: string): Promise<string> {
  const cells = [{ kind: 'text', text }]
  const { id } = await ask<NotebookView>('POST', '/notebooks', { name, sample: 20, cells })
  await page.goto(`${server.url}/notebooks/${id}`)
  await note().waitFor()
  return id
}

test('a new notebook is saved under a name, with what was typed and not run; the list leads to it', async () => {
  await page.goto(`${server.url}/notebooks`)
  await page.getByText('No notebook is saved yet').waitFor()
  await page.getByRole('link', { name: 'New notebook' }).click()
  await button('+ text').click()
  await note().fill('Which pages are slow?')
  await page.keyboard.press('Control+s')
  await nameField().fill(`${HOSTILE} pages`)
  await page.keyboard.press('Enter')
  await until('its address', async () => /^\/notebooks\/[0-9a-f]{16}$/.test(pathOf()))
  const view = await stored(idIn())
  assert.equal(view.name, `${HOSTILE} pages`)
  assert.equal(textOf(view), 'Which pages are slow?')
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'Notebooks' }).last().click()
  await page.getByRole('searchbox').fill('no such')
  await page.getByText('No notebook has that in its name').waitFor()
  await page.getByRole('searchbox').fill('PAGES')
  await page.getByRole('link', { name: 'pages' }).click()
  await until('open again', async () => (await note().inputValue()) === 'Which pages are slow?')
  assert.equal(await page.evaluate('window.__pwned'), undefined)
})

test('changes stand in the address until they are saved or thrown away; older versions can be had back', async () => {
  const id = await openSaved('changes', 'one')
  await note().fill('two')
  await note().blur()
  await until('in the address', async () => new URL(page.url()).searchParams.get('of') === '1')
  await page.reload()
  await until('still there', async () => (await note().inputValue()) === 'two')
  assert.equal(textOf(await stored(id)), 'one')
  await button('Discard').click()
  await until('thrown away', async () => (await note().inputValue()) === 'one')
  await note().fill('three')
  await page.keyboard.press('Control+s')
  await until('saved', async () => textOf(await stored(id)) === 'three')
  await page.getByLabel('Version').selectOption('1')
  await page.getByText('This is version 1 of 2').waitFor()
  await until('as it was', async () => (await note().inputValue()) === 'one')
  await button('Make it the newest').click()
  await until('version 3', async () => (await stored(id)).version === 3)
  assert.equal(textOf(await stored(id)), 'one')
})

test('who was slower is told who was faster, and chooses: theirs, mine, or both', async () => {
  const id = await openSaved('two editors', 'begin')
  await otherSaves(id, 'theirs')
  await note().fill('mine')
  await page.keyboard.press('Control+s')
  const strip = page.getByRole('alert').filter({ hasText: 'your changes were made from version 1' })
  await strip.waitFor()
  assert.match(await strip.innerText(), /Version 2 was saved .* by admin token/)
  assert.equal(textOf(await stored(id)), 'theirs', 'nothing was written')
  await strip.getByRole('button', { name: 'Save mine as a copy' }).click()
  assert.equal(await nameField().inputValue(), 'two editors (copy)')
  await page.keyboard.press('Enter')
  await until('the copy', async () => idIn() !== id)
  assert.equal(textOf(await stored(idIn())), 'mine')
  await page.goto(`${server.url}/notebooks/${id}?of=1&cell=text:mine+again`)
  await page.getByRole('button', { name: 'Replace theirs with mine' }).click()
  await until('replaced', async () => textOf(await stored(id)) === 'mine again')
  assert.deepEqual((await stored(id)).olderVersions, [1, 2])
})

test('a notebook is renamed without its unsaved changes, under no name twice, and deleted when one is sure', async () => {
  const id = await openSaved('a name', 'text')
  await openSaved('another name', 'text')
  await page.goto(`${server.url}/notebooks/${id}?of=1&cell=text:changed`)
  await button('Rename…').click()
  await nameField().fill('another name')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').getByText('operator has a notebook of that name').waitFor()
  await nameField().fill('a better name')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'a better name' }).waitFor()
  const renamed = await stored(id)
  assert.deepEqual([renamed.name, textOf(renamed)], ['a better name', 'text'])
  assert.equal(await note().inputValue(), 'changed')
  await page.keyboard.press('Control+s')
  await until('saved as well', async () => textOf(await stored(id)) === 'changed')
  await button('Delete…').click()
  await button('Keep it').click()
  await button('Delete…').click()
  await button('Delete it').click()
  await until('back in the list', async () => pathOf() === '/notebooks')
  await page.getByRole('link', { name: 'another name' }).waitFor()
  await page.goto(`${server.url}/notebooks/${id}`)
  await page.getByRole('alert').getByText('there is no such notebook').waitFor()
})

test('what is too long for an address is kept in the page and can be saved', async () => {
  const id = await openSaved('long', 'short')
  const long = 'words '.repeat(2_000)
  await note().fill(long)
  await note().blur()
  await page.getByText('changes only in this page').waitFor()
  await page.keyboard.press('Control+s')
  await until('saved', async () => textOf(await stored(id)) === long)
})

test('features over all traces are counted by the server', async () => {
  const features = encodeURIComponent('features:Root | Label("service") | RecordAs("service")')
  await page.goto(`${server.url}/notebook?cell=${features}&sample=all`)
  await page.getByText('1 row of 1 trace').waitFor()
  await page.getByRole('table', { name: 'First rows' }).getByRole('link').first().waitFor()
})

test('the page had nothing to complain about', () => {
  assert.deepEqual(
    // What the tests ask for: a name that is taken, a notebook that is gone; there are no datasets in memory.
    complaints.filter((text) => !/^(404|409) |\/api\/v1\/sql$/.test(text)),
    [],
  )
})
