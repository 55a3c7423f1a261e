// The page of the pipeline in a real browser: what was lost, by cause and over time; who rests; what is
// broken.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { PipelineLoss, PipelineView } from '#protocol'
import { Browsing, colourCount, mapped, until } from './browser.ts'

const NOW_MS = Date.UTC(2026, 10, 24, 12)
const HOSTILE = '<img src=x onerror="window.__pwned=1">'
const POINTS = 60
const column = (of: (i: number) => number): number[] => Array.from({ length: POINTS }, (_, i) => of(i))

const loss = (
  stage: PipelineLoss['stage'],
  cause: string,
  change: Partial<PipelineLoss> = {},
): PipelineLoss => ({
  ...{ stage, cause, what: cause, unit: 'spans', isIntentional: false, count: 60 },
  ...change,
})

const view: PipelineView = {
  nowMs: NOW_MS,
  parts: [
    { name: 'ingest', state: 'running', restarts: 0 },
    { name: 'trace worker', state: 'waiting', restarts: 2, lastError: HOSTILE },
    { name: 'feature worker', state: 'running', restarts: 0 },
    { name: 'store', state: 'running', restarts: 0 },
  ],
  losses: [
    loss('traces', 'by the tail rule', { isIntentional: true, count: 900 }),
    loss('ingest', 'sent twice', { isIntentional: true, count: 4 }),
    loss('agents', HOSTILE),
    loss('features', 'long ago', { count: 7 }),
    loss('store', 'never', { count: 0 }),
  ],
  owners: [
    {
      ...{
        owner: HOSTILE,
        waiting: 16,
        queueMax: 16,
        cpuMs: 900,
        overBudget: 12,
        refused: 40,
        quarantines: 1,
      },
      restsUntilMs: NOW_MS + 90_000,
    },
    { owner: 'crosscut', waiting: 0, queueMax: 16, cpuMs: 100, overBudget: 0, refused: 0, quarantines: 0 },
  ],
  past: {
    stepMs: 10_000,
    timesMs: column((i) => NOW_MS - (POINTS - i) * 10_000),
    gauges: { tracesLagMs: column(() => 300), rowsLagMs: column((i) => 50 * i), delayed: column((i) => i) },
    rates: { spansAccepted: column(() => 1_200), rowsWritten: column(() => 800) },
    losses: { [HOSTILE]: column(() => 1), 'by the tail rule': column(() => 15) },
    ownersWaiting: { [HOSTILE]: column((i) => i % 17), crosscut: column(() => 0) },
  },
}

let browsing: Browsing
before(async () => {
  browsing = await Browsing.start()
  browsing.fixture.say.pipeline = view
})
after(() => browsing.close())

const DROPS = '[aria-label=Drops] tbody tr'

test('losses stand by cause, those in this time first; what was meant comes last, or when it is asked for', () =>
  browsing.open('/pipeline', {}, async ({ page }) => {
    await page.waitForSelector(DROPS)
    const state = await page.locator('.pipeline-state').innerText()
    assert.ok(state.includes('trace worker is waiting') && state.includes(HOSTILE))
    assert.ok(state.includes('rows 2.95 s behind') && state.includes('60 lost in this time'))
    const causes = () => mapped(page, DROPS, 'row.dataset.cause')
    assert.deepEqual(await causes(), [HOSTILE, 'long ago', 'by the tail rule'])
    await page.getByRole('button', { name: '1 more, as they were meant' }).click()
    await until('all', async () => (await causes()).length === 4)
    assert.equal(new URL(page.url()).searchParams.get('show'), 'all')
    assert.ok((await colourCount(page, '[aria-label=Behind] canvas')) > 2)
  }))

test('a cause is drawn over time by the keyboard, in the address, until Escape', () =>
  browsing.open('/pipeline', { theme: 'dark' }, async ({ page }) => {
    await page.locator(`${DROPS} button`).nth(1).focus()
    await page.keyboard.press('Enter')
    await page.waitForSelector('.pipeline-chosen canvas')
    const address = page.url()
    assert.equal(new URL(address).searchParams.get('of'), 'long ago')
    await page.goto(address)
    await page.waitForSelector('.pipeline-chosen canvas')
    await page.keyboard.press('Escape')
    await until('gone', async () => (await page.locator('.pipeline-chosen').count()) === 0)
  }))

test('an owner whose features took too much is said to rest, with its queue', () =>
  browsing.open('/pipeline', {}, async ({ page }) => {
    const owner = page.locator('[data-owner]').first()
    await owner.waitFor()
    const text = await owner.innerText()
    assert.ok(text.includes(HOSTILE) && text.includes('in quarantine, 1 m more') && text.includes('16 of 16'))
    assert.equal(await page.locator('#app img').count(), 0)
  }))

test('a server that does not answer says so above what was seen last', () =>
  browsing.open('/pipeline', { expected: ['503'] }, async ({ page }) => {
    await page.waitForSelector(DROPS)
    browsing.fixture.say.failStatus = 503
    try {
      await page.getByRole('alert').getByText('What you see is the last good answer').waitFor()
    } finally {
      browsing.fixture.say.failStatus = undefined
    }
  }))
