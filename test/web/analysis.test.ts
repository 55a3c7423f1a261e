// Views on top of traces in a real browser: lanes, flame, comparison and inspector of one trace; critical
// paths of many, the heatmap of the list, and the service graph. What they show is the real model's.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Browsing, colourCount, mapped, until } from './browser.ts'
import { checkoutTrace, hostileTrace, readTrace } from './fixtures.ts'

const NOW_NS = BigInt(Date.UTC(2026, 10, 28, 12)) * 1_000_000n
const one = checkoutTrace({ seed: 5, startNs: NOW_NS })
const other = checkoutTrace({ seed: 9, startNs: NOW_NS - 1_000_000_000n, isFailing: true })
const read = readTrace({ seed: 11, startNs: NOW_NS - 2_000_000_000n })
const hostile = hostileTrace({ seed: 3, startNs: NOW_NS - 3_000_000_000n })

let browsing: Browsing
before(async () => {
  browsing = await Browsing.start()
  browsing.fixture.say.traces = [one, other, read, hostile]
})
after(() => browsing.close())

const queryOf = (page: Page): URLSearchParams => new URL(page.url()).searchParams

test('the keys 1 to 4 show the same trace in four ways, and the address says which', () =>
  browsing.open(`/traces/${one.traceId}`, {}, async ({ page }) => {
    await page.waitForSelector('[data-role=rows] tbody tr')
    await page.keyboard.press('2')
    await until('lanes', async () => queryOf(page).get('view') === 'lanes')
    await page.waitForSelector('.scroller canvas')
    await until('drawn', async () => (await colourCount(page, '.scroller canvas')) > 12)
    await page.keyboard.press('3')
    await page.waitForSelector('[data-role=flame-table]')
    assert.equal(queryOf(page).get('view'), 'flame')
    await page.keyboard.press('4')
    await page.waitForSelector('text=Compare with which trace?')
    await page.keyboard.press('1')
    await until('waterfall', async () => !queryOf(page).has('view'))
    await page.goBack()
    await until('back', async () => queryOf(page).get('view') === 'compare')
  }))

test('in the lanes a click on a bar selects its span, and nothing lies over its siblings', () =>
  browsing.open(`/traces/${one.traceId}?view=lanes`, {}, async ({ page }) => {
    await page.waitForSelector('.scroller canvas')
    await until('drawn', async () => (await colourCount(page, '.scroller canvas')) > 12)
    const box = (await page.locator('.scroller canvas').boundingBox())!
    await page.mouse.click(box.x + 500, box.y + 12)
    await until('the root', async () => queryOf(page).get('span') === one.spans[0]!.spanId)
  }))

test('the flame view folds equal call paths, with self time and time on the critical path', () =>
  browsing.open(`/traces/${one.traceId}?view=flame`, {}, async ({ page }) => {
    const rows = page.locator('[data-role=flame-table] tbody tr')
    await rows.first().waitFor()
    const quotes = rows.filter({ hasText: 'pricing quote' })
    assert.equal(await quotes.count(), 1)
    assert.equal(await quotes.locator('td').nth(1).innerText(), '6')
    await quotes.click()
    await until('it is the whole picture', async () => queryOf(page).has('top') && queryOf(page).has('span'))
    assert.equal(await rows.count(), 1)
  }))

test('two traces are compared by call path, and either can be opened', () =>
  browsing.open(`/traces/${one.traceId}?view=compare&with=${read.traceId}`, {}, async ({ page }) => {
    const rows = page.locator('[data-role=differences] tbody tr')
    await rows.first().waitFor()
    const texts = await rows.allInnerTexts()
    assert.ok(texts.some((text) => text.includes('POST /checkout') && text.includes('only here')))
    assert.ok(texts.some((text) => text.includes('only there')))
    await page.getByRole('link', { name: 'Open the other' }).click()
    await until('the other', async () => new URL(page.url()).pathname === `/traces/${read.traceId}`)
  }))

test('the inspector has counters with slack and drag, points, and edges to follow', () => {
  const span = one.spans.find(({ name }) => name === 'load stock snapshot')!
  return browsing.open(`/traces/${one.traceId}?span=${span.spanId}&tab=points`, {}, async ({ page }) => {
    const details = page.locator('[data-role=details]')
    await details.getByText('snapshot.parsed').waitFor()
    await details.getByRole('tab', { name: /edges/i }).click()
    await until('edges', async () => queryOf(page).get('tab') === 'edges')
    assert.match(await details.locator('.causes').innerText(), /child of[\s\S]*gave its result to/)
    await details.getByRole('tab', { name: /counters/i }).click()
    await until('slack and drag', async () => /Drag\s+\d[\s\S]*Slack\s+\d/.test(await details.innerText()))
  })
})

test('critical paths of many traces: shares, a what-if, and down to an example', () =>
  browsing.open('/paths', {}, async ({ page }) => {
    const rows = page.locator('[data-role=operations] tbody tr')
    await rows.first().waitFor()
    assert.match(await page.locator('.paths-sum').innerText(), /^4 traces/)
    const issuer = rows.filter({ hasText: 'POST issuer.example' })
    await issuer.getByRole('button', { name: 'What if faster?' }).click()
    await page.waitForSelector('.paths-whatif >> text=/20 % faster.*less/s')
    assert.equal(queryOf(page).get('op'), '["payments","POST issuer.example"]')
    await issuer.click()
    const drill = page.locator('[data-role=drill]')
    await drill.waitFor()
    assert.match(await drill.innerText(), /2 of 4/)
    await drill.locator('.drill-examples a').first().click()
    await page.waitForSelector('[data-role=details]')
    assert.ok([one.traceId, other.traceId].some((id) => page.url().includes(`/traces/${id}?span=`)))
  }))

test('the list can be a heatmap of all that match, and leads to the critical paths of the same filter', () =>
  browsing.open('/traces?plot=heat&service=gateway', {}, async ({ page }) => {
    await page.waitForSelector('.scatter canvas')
    await until('asked', async () =>
      browsing.fixture.say.requests.some((request) => /traces\/heat\?.*service=gateway/.test(request)),
    )
    await until('drawn', async () => (await colourCount(page, '.scatter canvas')) > 3)
    await page.getByRole('button', { name: 'Points' }).click()
    await until('points', async () => !queryOf(page).has('plot'))
    await page.getByRole('link', { name: 'Critical paths' }).last().click()
    await until('paths', async () => page.url().endsWith('/paths?service=gateway'))
    await page.waitForSelector('text=/^3 traces/')
  }))

test('the service graph shows who calls whom, as a picture and as a table', () =>
  browsing.open('/services', {}, async ({ page }) => {
    const rows = page.locator('[data-role=service-edges] tbody tr')
    await rows.first().waitFor()
    const texts = await mapped(page, '[data-role=service-edges] tbody tr', 'row.innerText')
    assert.ok(texts.some((text) => /gateway\s+cart\s+call/.test(text)))
    const all = await rows.count()
    const labels = await page.locator('.services-picture .edge-label').allTextContents()
    assert.ok(labels.length > 0 && labels.every((label) => /^[\d.k]+ · 8\.00 ms/.test(label)), String(labels))
    await page.locator('.services-picture .box', { hasText: 'cart' }).first().click()
    await until('its edges', async () => queryOf(page).get('at') === 'cart' && (await rows.count()) < all)
    await page.keyboard.press('Escape')
    await until('all again', async () => (await rows.count()) === all)
    const silent = page.locator('.services-picture .box.silent')
    assert.ok(
      (await silent.allTextContents()).some((text) => text.includes('postgresql, which sends no spans')),
    )
    assert.equal(await page.locator('.services-name', { hasText: 'postgresql' }).count(), 0)
  }))

test('hostile names stay text in every one of these views', async () => {
  const trace = `/traces/${hostile.traceId}`
  const span = hostile.spans[1]!.spanId
  for (const place of [
    `${trace}?view=lanes&span=${span}&tab=counters`,
    `${trace}?view=flame`,
    `${trace}?view=compare&with=${one.traceId}`,
    `/paths?at=${encodeURIComponent(`service:${hostile.spans[0]!.service}`)}`,
    '/services',
  ])
    await browsing.open(place, { theme: 'dark' }, async ({ page }) => {
      await page.waitForSelector('table tbody tr')
      assert.equal(await page.locator('img, script:not([src])').count(), 0)
    })
})
