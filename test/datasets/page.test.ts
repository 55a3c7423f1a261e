// Datasets in a real Chromium, on a real server with real traces: a regression is found by dragging over it,
// a definition is written, tried, saved and backfilled, two populations are compared, and nothing hostile is
// more than text.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { ensureWebBuilt } from '../../scripts/web-build.ts'
import { openLoggedIn, type LoggedIn } from '../system/logged-in.ts'
import { Crosscut, until } from '../system/running.ts'
import { colourCount, mapped } from '../web/browser.ts'
import { HOSTILE_ROUTE, sendOne, sendShop, SLOW_MS, TRACES } from './shop-traces.ts'

const WAIT_MS = 60_000

const crosscut = new Crosscut()
let app: LoggedIn
let page: Page

before(async () => {
  await ensureWebBuilt()
  await crosscut.start()
  await sendShop(crosscut.otlpUrl)
  await rowsIn('requests', TRACES)
  app = await openLoggedIn(await crosscut.loginLink(), { width: 1360, height: 900, waitMs: WAIT_MS })
  page = app.page
})
after(async () => {
  await app.close()
  await crosscut.close()
})

async function rowsIn(dataset: string, count: number): Promise<void> {
  let seen = -1
  await until(
    async () => {
      const answer = await crosscut.api<{ matched: { rows: number } }>(`/datasets/${dataset}/query`, {
        method: 'POST',
        body: JSON.stringify({ select: ['count'] }),
      })
      seen = answer.matched.rows
      return seen >= count
    },
    () => `${dataset} has ${seen} rows, not ${count}`,
    WAIT_MS,
  )
}

const differences = (): Locator => page.getByRole('list', { name: 'What is different' })
const difference = (column: string): Locator => differences().locator(`[data-column="${column}"]`)
const rowsSaid = (): Locator => page.locator('.explore-head [role=status]')

test('the list says whose datasets there are and how they fare, and a row leads to its rows', async () => {
  await page.getByRole('link', { name: 'Datasets' }).click()
  const table = page.getByRole('table', { name: 'Datasets' })
  const requests = table.getByRole('row', { name: /^requests/ })
  await requests.getByText('live').waitFor()
  await requests.getByRole('cell', { name: String(TRACES), exact: true }).waitFor()
  assert.match(String(await requests.textContent()), /built in.*crosscut.*trace/)
  await requests.getByRole('link', { name: 'requests' }).click()
  await rowsSaid().getByText(`${TRACES} rows`).waitFor()
})

test('a definition is written with mistakes where they are, and its first rows before it is saved', async () => {
  await page.goto(`${crosscut.url}/datasets?edit=`)
  await page.getByLabel('Name').fill('pages')
  await page.getByLabel('Owner').fill('web-team')
  const features = page.locator('.cm-content[aria-label=Features]')
  const preview = page.getByRole('table', { name: 'First rows' })
  await preview.getByRole('columnheader', { name: 'duration_ms' }).waitFor()
  await features.click()
  await page.keyboard.press('Control+End')
  await page.keyboard.type('Root | Lab')
  await page.getByRole('option', { name: /^Label\(/ }).waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.cm-lintRange-error').first().waitFor()
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText(
    ['route', 'version', 'country']
      .map((name) => `Root | Label("shop.${name}") | RecordAs("${name}")`)
      .concat('Trace | Duration | In(ms) | RecordAs("duration_ms")', 'Blocks | Count | RecordAs("spans")')
      .join('\n'),
  )
  await preview.getByRole('columnheader', { name: 'route' }).waitFor()
  await preview.getByRole('cell', { name: '/search' }).first().waitFor()
  await page.keyboard.press('Control+Enter')
  await page.getByText(/Version 1 is live/).waitFor()
  await page.waitForURL(/edit=pages/)
})

test('a backfill brings stored traces into it, with a bar that says how far it is', async () => {
  await page.getByRole('button', { name: 'Backfill' }).click()
  await page.getByText('backfill done').waitFor()
  assert.equal(await page.getByRole('progressbar').getAttribute('aria-valuenow'), '100')
  await page.getByRole('link', { name: 'Explore', exact: true }).click()
  await rowsSaid().getByText(`${TRACES} rows`).waitFor()
})

test('lines over time, by group; a value is a click from being a condition', async () => {
  await page.locator('.charts canvas').first().waitFor()
  await until(
    async () => (await colourCount(page, '.charts canvas')) > 3,
    () => 'no lines were drawn',
    WAIT_MS,
  )
  await page.getByLabel('Add a column to group by').selectOption('version')
  const legend = page.getByRole('list', { name: 'Lines' }).first()
  await legend.getByRole('button', { name: 'v2' }).waitFor()
  assert.match(page.url(), /by=version/)
  const side = page.getByRole('complementary', { name: 'Columns' })
  await side.getByRole('button', { name: 'route' }).click()
  await side.getByRole('button', { name: '/search', exact: true }).click()
  await page.waitForURL(/where=route/)
  await rowsSaid()
    .getByText(`${TRACES / 3} rows`)
    .waitFor()
  await page.getByRole('button', { name: "Remove route = '/search'" }).click()
  await rowsSaid().getByText(`${TRACES} rows`).waitFor()
})

test('a dragged region of the heatmap says what is different about it, and its address says it again', async () => {
  await page.goto(`${crosscut.url}/datasets/pages?view=heat&last=60`)
  const canvas = page.locator('.heat-box canvas')
  await canvas.waitFor()
  await page.waitForFunction('document.querySelector(".heat-box canvas").width > 300')
  const box = (await canvas.boundingBox())!
  // The top rows hold what became slow.
  await page.mouse.move(box.x + box.width * 0.35, box.y + 10)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width - 18, box.y + 40, { steps: 4 })
  await page.mouse.up()
  await difference('route').waitFor()
  await difference('version').waitFor()
  const first = await mapped(page, '.difference', 'row.dataset.column')
  assert.deepEqual(new Set(first.slice(0, 2)), new Set(['route', 'version']))
  assert.match(String(await difference('route').textContent()), /\/search.*100 %/)
  assert.match(page.url(), /sel=\d+_\d+_\d/)
  await page.reload()
  await difference('route').waitFor()
  await difference('version').getByRole('button', { name: /v2/ }).click()
  await page.waitForURL(/where=version/)
  assert.equal(await differences().count(), 0)
})

test('the keyboard chooses a region too, and Escape lets it go', async () => {
  await page.goto(`${crosscut.url}/datasets/pages?view=heat&last=60`)
  const canvas = page.locator('.heat-box canvas')
  await canvas.focus()
  for (const key of ['ArrowUp', 'Shift+ArrowLeft', 'Shift+ArrowLeft', 'Shift+ArrowDown', 'Enter'])
    await page.keyboard.press(key)
  await page.getByRole('heading', { name: 'What is different there' }).waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Escape')
  await page.waitForURL((url) => !url.search.includes('sel='))
})

test('two versions side by side: what differs, and which function took the time', async () => {
  await page.goto(`${crosscut.url}/datasets/pages?view=compare&last=60&by=route`)
  await page.getByLabel('Column whose values are compared').selectOption('version')
  await page.getByLabel('Value of A').selectOption({ label: 'v2' })
  await page.getByLabel('Value of B').selectOption({ label: 'v1' })
  await difference('duration_ms').waitFor()
  assert.equal(await difference('version').count(), 0)
  const table = page.getByRole('table', { name: 'Functions of both populations' })
  const first = table.locator('tbody tr').first()
  await first.getByText('/search').waitFor()
  const delta = Number(/[+−]([\d.]+)/.exec(String(await first.locator('.delta').textContent()))?.[1])
  // A third of the pages became so much slower.
  assert.ok(Math.abs(delta - SLOW_MS / 3) < SLOW_MS / 30, `${delta}`)
  const said = String(await page.locator('.functions-head').textContent())
  assert.match(said, new RegExp(`A ${TRACES / 2} traces.*B ${TRACES / 2} traces`))
  assert.match(page.url(), /a=version.*b=version/)
})

test('rows lead to their traces; what is hostile is text', async () => {
  await page.goto(`${crosscut.url}/datasets/pages?view=groups&last=60&by=route`)
  await page.getByRole('table', { name: 'Groups' }).getByText(HOSTILE_ROUTE).click()
  await page.waitForURL(/where=route/)
  await rowsSaid()
    .getByText(`${TRACES / 3} rows`)
    .waitFor()
  await page.getByRole('tab', { name: 'Rows' }).click()
  await page.getByRole('table', { name: 'Rows' }).getByRole('link').first().click()
  await page.waitForURL(/\/traces\/[0-9a-f]{32}/)
  await page.getByText('shop').first().waitFor()
  await page.getByRole('link', { name: 'Datasets', exact: true }).last().click()
  const ofTrace = page.getByRole('table', { name: 'Datasets' }).getByRole('row', { name: /^pages/ })
  await ofTrace.getByRole('cell', { name: '1', exact: true }).waitFor()
  await ofTrace.getByRole('link', { name: 'pages' }).click()
  await rowsSaid().getByText('1 row', { exact: false }).waitFor()
  assert.equal(await page.evaluate('window.__pwned'), undefined)
})

test('a condition that cannot be meant says what would be; nothing there says what to do', async () => {
  await page.goto(`${crosscut.url}/datasets/pages?last=60`)
  const field = page.getByRole('combobox', { name: 'Condition on the rows' })
  await field.fill('rout')
  await page.getByRole('listbox').getByRole('option', { name: /route/ }).click()
  await field.pressSequentially("= 'nowhere'")
  await field.press('Enter')
  await page.getByText('No row fulfils the conditions').waitFor()
  await field.fill('rooute exists')
  await field.press('Enter')
  await page.getByRole('alert').getByText('did you mean route?').waitFor()
  await page.goto(`${crosscut.url}/datasets/nothing-here`)
  await page.getByRole('alert').getByText("there is no dataset 'nothing-here'").waitFor()
})

test('a notebook asks a sample by features and a dataset by SQL, and its address is all of it', async () => {
  await page.goto(`${crosscut.url}/notebook`)
  await page.getByRole('button', { name: '+ text' }).click()
  await page.getByRole('textbox', { name: 'Text' }).fill('Which pages are slow?')
  const features = page.locator('.cm-content[aria-label=Features]')
  await features.click()
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText(
    'Root | Label("shop.route") | RecordAs("page")\nTrace | Duration | In(ms) | RecordAs("ms")',
  )
  await page.keyboard.press('Control+Enter')
  const plots = page.getByRole('list', { name: 'How the columns are spread' })
  await plots.getByText(HOSTILE_ROUTE).waitFor()
  await plots.getByRole('img').waitFor()
  await page.getByRole('table', { name: 'First rows' }).getByText('/search').first().waitFor()
  const sql = page.locator('.cm-content[aria-label=SQL]')
  await sql.click()
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText('SELECT count, p99(duration_ms) FROM pages GROUP BY route, version')
  await page.keyboard.press('Control+Enter')
  const slow = (of: Page): Locator =>
    of.getByRole('table', { name: 'Answer' }).getByRole('row', { name: /search.*v2/ })
  await slow(page).waitFor()
  const other = await page.context().newPage()
  other.setDefaultTimeout(WAIT_MS)
  await other.goto(page.url())
  await slow(other).waitFor()
  assert.equal(await other.getByRole('textbox', { name: 'Text' }).inputValue(), 'Which pages are slow?')
  await other.close()
  await sql.click()
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText("SELECT count FROM pages INTO OUTFILE '/tmp/x'")
  await page.keyboard.press('Control+Enter')
  await page.locator('.cell.sql .refused').waitFor()
})

/**
 * Refused questions (400, 404, 422) were asked for; the styles of deleted lines are Chromium's own editing.
 */
const EXPECTED = /status of (400|404|422)|Applying inline style/

test('a dataset of a feature file shows the text that runs, how often it failed and where', async () => {
  const folder = path.join(crosscut.folder, '.crosscut', 'features')
  mkdirSync(folder, { recursive: true })
  const source = `// <img src=x onerror="window.__pwned=1">
export const columns = { n: 'number' }
export function features() {
  throw new Error('<b>no</b>')
}
`
  writeFileSync(path.join(folder, 'fails.ts'), source)
  const definition = { owner: 'file-team', file: 'fails.ts', filter: 'service = "later"' }
  await crosscut.api('/datasets/of-a-file', { method: 'PUT', body: JSON.stringify(definition) })
  await sendOne(crosscut.otlpUrl, 'later')
  await page.goto(`${crosscut.url}/datasets`)
  const row = page.getByRole('row', { name: 'of-a-file' })
  await row.getByText('1 trace failed').waitFor()
  await row.getByRole('link', { name: 'Definition' }).click()
  const part = page.getByRole('region', { name: 'Features of a row' })
  assert.equal(await part.locator('pre').innerText(), source)
  assert.match(await part.getByRole('alert').innerText(), /fails\.ts:4:9 Error: <b>no<\/b>/)
  assert.equal(await part.getByRole('alert').getByRole('link').count(), 1)
  writeFileSync(path.join(folder, 'fails.ts'), source.replace('throw new', 'return new'))
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Version 2 is live').waitFor()
})

test('the page had nothing to complain about', () => {
  assert.deepEqual(
    app.complaints.filter((text) => !EXPECTED.test(text)),
    [],
  )
})
