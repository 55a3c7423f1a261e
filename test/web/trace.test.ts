// The trace page in a real browser. The canvas is probed through the table that stands beside it for screen
// readers.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { TraceView } from '#protocol'
import { Browsing, colourCount, mapped, until } from './browser.ts'
import { HOSTILE, bigTrace, checkoutTrace, hostileTrace } from './fixtures.ts'

const NOW_NS = BigInt(Date.UTC(2026, 10, 24, 12)) * 1_000_000n
const ROWS = '[data-role=rows] tbody tr'
const CANVAS = '.scroller canvas'

const skewed = checkoutTrace({ seed: 5, startNs: NOW_NS, isSkewed: true })
const failing = checkoutTrace({ seed: 9, startNs: NOW_NS, isFailing: true })
const hostile = hostileTrace({ seed: 3, startNs: NOW_NS })
const big = bigTrace({ seed: 4, startNs: NOW_NS, spans: 100_000 })

/** More than a page of an export. */
const paged = bigTrace({ seed: 6, startNs: NOW_NS, spans: 5_100 })

let browsing: Browsing
before(async () => {
  browsing = await Browsing.start()
  browsing.fixture.say.traces = [skewed, failing, hostile, big, paged]
})
after(() => browsing.close())

const at = (trace: TraceView, query = ''): string => `/traces/${trace.traceId}${query}`
const queryOf = (page: Page): URLSearchParams => new URL(page.url()).searchParams
const spanNamed = (trace: TraceView, name: string): string =>
  trace.spans.find((span) => span.name === name)!.spanId
const rowCount = async (page: Page): Promise<number> =>
  Number(await page.locator('[data-role=rows]').getAttribute('aria-rowcount'))

test('the waterfall draws the tree: parents before children, children by start, notes beside', () =>
  browsing.open(at(skewed), { height: 900 }, async ({ page }) => {
    await until('all rows', async () => (await page.locator(ROWS).count()) === 25)
    assert.ok((await colourCount(page, CANVAS)) > 20)
    assert.ok((await colourCount(page, '.minimap canvas')) > 4)
    const names = await page.locator(`${ROWS} td:nth-child(2)`).allTextContents()
    assert.deepEqual(names.slice(0, 6), [
      'POST /checkout',
      'authenticate',
      'GET /cart/:id',
      'GET /cart/:id',
      'GET cart:1182',
      'SELECT cart_items',
    ])
    const levels = await mapped(page, ROWS, 'row.ariaLevel')
    assert.deepEqual(levels.slice(0, 6), ['1', '2', '2', '3', '4', '4'])
    await until('the critical path', async () =>
      (await page.locator(`${ROWS}:first-child`).innerText()).includes('critical path'),
    )
    assert.match(await page.locator(ROWS, { hasText: 'load stock snapshot' }).innerText(), /clock aligned/)
    await page.getByRole('button', { name: /1 clock aligned/ }).click()
    await page.waitForSelector('text=moved by +12.4 ms')
    assert.equal(queryOf(page).get('notes'), '1')
    await page.keyboard.press('Escape')
    await until('closed', async () => queryOf(page).get('notes') === null)
    assert.equal(await page.locator('.notes-card').count(), 0)
  }))

test('critical path and arrows can be hidden, and the address says so', () =>
  browsing.open(at(skewed), {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await until('the critical path', async () =>
      (await page.locator(ROWS).first().innerText()).includes('critical path'),
    )
    await page.keyboard.press('c')
    await page.keyboard.press('r')
    await until(
      'hidden',
      async () => queryOf(page).get('path') === '0' && queryOf(page).get('arrows') === '0',
    )
    await until(
      'off the rows',
      async () => !(await page.locator(ROWS).first().innerText()).includes('critical path'),
    )
  }))

/** A pixel of this colour token, as one number. */
const token = async (page: Page, name: string): Promise<number> =>
  await page.evaluate(`(() => {
    const context = new OffscreenCanvas(1, 1).getContext('2d')
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--${name}')
    context.fillRect(0, 0, 1, 1)
    return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0]
  })()`)

/** Pixels of the waterfall, read from a copy: a canvas that is read often is drawn slowly. */
const PIXELS = `(() => {
  const canvas = document.querySelector('${CANVAS}')
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true })
  copy.drawImage(canvas, 0, 0)
  return new Uint32Array(copy.getImageData(0, 0, canvas.width, canvas.height).data.buffer)
})()`

/** Keeps the picture to compare with; true when it is the one that was kept. */
const keep = async (page: Page): Promise<boolean> =>
  await page.evaluate(`(() => {
    const [before, now] = [window.kept ?? [], ${PIXELS}]
    window.kept = now
    return before.length === now.length && now.every((pixel, at) => pixel === before[at])
  })()`)

/** How many pixels have this colour that had another one in the picture that was kept. */
const gained = async (page: Page, colour: number): Promise<number> =>
  await page.evaluate(`${PIXELS}.filter((now, at) => now === ${colour} && window.kept[at] !== now).length`)

test('joins and barriers are drawn as arrows, each kind in its colour, and only while arrows are shown', () =>
  browsing.open(at(skewed, '?path=0&arrows=0'), { height: 900 }, async ({ page }) => {
    await until('all rows', async () => (await page.locator(ROWS).count()) === 25)
    await until('it stands still', () => keep(page))
    const kinds = [await token(page, 'accent'), await token(page, 'warn')]
    assert.notEqual(kinds[0], kinds[1])
    const drawn = (): Promise<number[]> => Promise.all(kinds.map((colour) => gained(page, colour)))
    await page.keyboard.press('r')
    await until('arrows of both kinds', async () => (await drawn()).every((count) => count >= 6))
    await page.keyboard.press('r')
    await until('none', async () => (await drawn()).every((count) => count === 0))
  }))

test('the critical path is between any two points: by keys, in the address, with its breakdown', () =>
  browsing.open(at(skewed, `?span=${spanNamed(skewed, 'authenticate')}`), {}, async ({ page }) => {
    const onPath = async (): Promise<string[]> =>
      await mapped(
        page,
        `${ROWS}:has(td:nth-child(5))`,
        'row.cells[4].innerText.includes("critical path") ? row.cells[1].innerText : ""',
      ).then((names) => names.filter((name) => name !== ''))
    await until('the whole path', async () => (await onPath()).length > 3)
    await page.keyboard.press('v')
    await page.keyboard.press('b')
    const own = spanNamed(skewed, 'authenticate')
    await until('in the address', async () => queryOf(page).get('to') === `${own}@end`)
    assert.equal(queryOf(page).get('from'), `${own}@begin`)
    await until('one span alone', async () => (await onPath()).join() === 'authenticate')
    await page.locator('.path-summary').getByRole('button', { name: 'Critical path' }).click()
    const operations = page.locator('[data-role=path-operations] tr')
    await until('all of it is this operation', async () =>
      /authenticate\s+.*\s100 %$/s.test((await operations.allInnerTexts()).join('|')),
    )
    const bar = page.locator('[data-role=path-bar]')
    assert.match(await bar.innerText(), /authenticate[\s\S]*begin[\s\S]*authenticate[\s\S]*end/)
    await page.keyboard.press('Escape')
    await until('the card is closed', async () => !queryOf(page).has('ops'))
    await page.reload()
    await until('after a reload too', async () => (await onPath()).join() === 'authenticate')
    await bar.getByRole('button', { name: 'Swap' }).click()
    await bar.getByText('b is not after a').waitFor()
    await page.keyboard.press('x')
    await until('the whole again', async () => (await onPath()).length > 3 && !queryOf(page).has('from'))
    assert.equal(await bar.count(), 0)
  }))

test('points are chosen in the inspector, bars by Shift and a click', () => {
  const span = skewed.spans.find(({ name }) => name === 'load stock snapshot')!
  const noted = span.events[0]!
  return browsing.open(at(skewed, `?tab=points&span=${span.spanId}`), {}, async ({ page }) => {
    await page.getByRole('button', { name: 'Critical path from point 1 of this span' }).focus()
    await page.keyboard.press('Enter')
    await until('a', async () => queryOf(page).get('from') === `${span.spanId}@${noted.timeNs}`)
    await page.locator('[data-role=path-bar]').getByText(noted.name).waitFor()
    await page.getByRole('button', { name: 'Critical path to the end of this span' }).press('Enter')
    await until('b', async () => queryOf(page).get('to') === `${span.spanId}@end`)
    const box = (await page.locator(CANVAS).boundingBox())!
    await page.mouse.move(box.x + 369, box.y + 12)
    await page.keyboard.down('Shift')
    await page.mouse.down()
    await page.mouse.up()
    await page.keyboard.up('Shift')
    const root = skewed.spans[0]!.spanId
    await until('the begin of the root', async () => queryOf(page).get('from') === `${root}@begin`)
  })
})

test('a click on a bar opens the span, the address is a permalink to it, Escape closes', () =>
  browsing.open(at(failing), {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    const box = (await page.locator(CANVAS).boundingBox())!
    await page.mouse.click(box.x + 150, box.y + 24 * 5 + 12)
    await until('selected', async () => queryOf(page).get('span') === spanNamed(failing, 'SELECT cart_items'))
    assert.match(await page.locator('[data-role=details]').innerText(), /SELECT sku, qty FROM cart_items/)
    await page.reload()
    await page.waitForSelector('[data-role=details] >> text=db.query.text')
    await page.keyboard.press('Escape')
    await until(
      'closed',
      async () => (await page.locator('[data-role=details]').count()) === 0 && !queryOf(page).has('span'),
    )
  }))

test('e goes from error to error, and the details say what failed', () =>
  browsing.open(at(failing), {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    for (let i = 0; i < 4; i++) await page.keyboard.press('e')
    await until(
      'the last error',
      async () => queryOf(page).get('span') === spanNamed(failing, 'POST issuer.example'),
    )
    const details = page.locator('[data-role=details]')
    assert.match(await details.innerText(), /card declined by issuer[\s\S]*exception\.stacktrace/)
    assert.equal(
      await details.getByRole('link', { name: /issuer\.example/ }).getAttribute('rel'),
      'noopener noreferrer',
    )
  }))

test('joins and barriers are sentences that lead to the other span', () =>
  browsing.open(at(skewed, `?tab=edges&span=${spanNamed(skewed, 'compute total')}`), {}, async ({ page }) => {
    const causes = page.locator('.causes li')
    await causes.first().waitFor()
    assert.deepEqual(await causes.locator('.muted').allTextContents(), [
      'child of',
      'waited for',
      'waited for',
      'waited for',
    ])
    await causes.nth(2).getByRole('button').click()
    await until(
      'the pricing call',
      async () =>
        queryOf(page).get('span') === skewed.edges.filter((edge) => edge.kind === 'join')[1]?.from.spanId,
    )
  }))

test('h and l collapse and expand; what is collapsed stays so after a reload', () =>
  browsing.open(at(skewed), {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    for (let i = 0; i < 3; i++) await page.keyboard.press('j')
    await page.keyboard.press('h')
    await until('three rows less', async () => (await rowCount(page)) === 22)
    await page.reload()
    await until('still', async () => (await rowCount(page)) === 22)
    await page.keyboard.press('l')
    await until('all', async () => (await rowCount(page)) === 25 && !queryOf(page).has('c'))
    await page.getByRole('button', { name: 'Collapse to the first level' }).click()
    await until('the first level', async () => (await rowCount(page)) === 8 && queryOf(page).get('d') === '1')
  }))

test('zoom by key, wheel and drag is in the address to the nanosecond, 0 shows all again', () =>
  browsing.open(at(skewed), {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.keyboard.press('f')
    await until('the span with room', async () => queryOf(page).get('z') !== null)
    const span = skewed.spans.find((one) => one.name === 'authenticate')!
    const room = (BigInt(span.endNs) - BigInt(span.startNs)) / 4n + 1n
    const from = BigInt(span.startNs) - BigInt(skewed.summary.startNs) - room
    assert.equal(
      queryOf(page).get('z'),
      `${from < 0n ? 0n : from}-${BigInt(span.endNs) - BigInt(skewed.summary.startNs) + room}`,
    )
    await page.keyboard.press('0')
    await until('all', async () => !queryOf(page).has('z'))

    const box = (await page.locator('.minimap canvas').boundingBox())!
    await page.mouse.move(box.x + 100, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + 200, box.y + 20, { steps: 3 })
    await page.mouse.up()
    await until('a window', async () => queryOf(page).has('z'))
    const chosen = queryOf(page).get('z')
    const rows = (await page.locator(CANVAS).boundingBox())!
    await page.mouse.move(rows.x + 600, rows.y + 60)
    await page.keyboard.down('Control')
    await page.mouse.wheel(0, -200)
    await page.keyboard.up('Control')
    await until('closer', async () => queryOf(page).get('z') !== chosen)
  }))

test('search finds by attribute, counts, and n goes round', () =>
  browsing.open(at(skewed), {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await page.keyboard.press('/')
    await page.keyboard.type('db.system')
    await until('in the address', async () => queryOf(page).get('q') === 'db.system')
    assert.equal(await page.locator('.search-box span').innerText(), '2')
    await page.keyboard.press('Enter')
    await until('the first', async () => queryOf(page).get('span') === spanNamed(skewed, 'GET cart:1182'))
    await page.locator('.scroller').focus()
    await page.keyboard.press('n')
    await until(
      'the second',
      async () => queryOf(page).get('span') === spanNamed(skewed, 'SELECT cart_items'),
    )
    await page.keyboard.press('n')
    await until('round', async () => queryOf(page).get('span') === spanNamed(skewed, 'GET cart:1182'))
  }))

test('a value leads to the traces that have it', () =>
  browsing.open(at(skewed, `?span=${skewed.spans[0]!.spanId}`), {}, async ({ page }) => {
    const row = page.locator('.attributes tr', { hasText: 'http.route' }).first()
    await row.hover()
    await row.getByRole('link', { name: 'Traces with this value' }).click()
    await until(
      'the list',
      async () =>
        new URL(page.url()).pathname === '/traces' && queryOf(page).get('attr.http.route') === '/checkout',
    )
  }))

for (const trace of [skewed, paged])
  test(`${trace.spans.length} spans are taken along as the server exports them: page by page, as they came`, () =>
    browsing.open(at(trace), {}, async ({ page }) => {
      await page.waitForSelector(ROWS)
      const saved = page.waitForEvent('download')
      await page.getByRole('button', { name: 'OTLP' }).click()
      const file: string = await (await saved).path()
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
      assert.equal(lines.length, Math.ceil(trace.spans.length / 5_000))
      const spans = lines
        .flatMap((line) => JSON.parse(line).resourceSpans)
        .map(({ scopeSpans: [{ spans: one }] }) => [one[0].spanId, one[0].startTimeUnixNano])
      const raw = trace.spans.map((span) => [span.spanId, `${BigInt(span.startNs) - BigInt(span.shiftNs)}`])
      assert.deepEqual(spans, raw)
    }))

test('an export that fails says so beside its button', () =>
  browsing.open(at(skewed), { expected: ['503'] }, async ({ page }) => {
    await page.waitForSelector(ROWS)
    browsing.fixture.say.failStatus = 503
    try {
      await page.getByRole('button', { name: 'OTLP' }).click()
      await page.getByRole('alert').getByText('The store does not answer.').waitFor()
    } finally {
      browsing.fixture.say.failStatus = undefined
    }
  }))

test('hostile text is inert in names, services, keys, values, events, notes and the title', () =>
  browsing.open(at(hostile, `?span=${hostile.spans[1]!.spanId}`), {}, async ({ page }) => {
    await page.waitForSelector('[data-role=details]')
    await page.evaluate(
      'for (const section of document.querySelectorAll(".details details")) section.open = true',
    )
    await page.getByRole('button', { name: '1 note' }).click()
    await page.waitForTimeout(100)
    assert.equal(
      await page
        .locator('#app img, #app script, #app iframe, #app svg[onload], #app b:has-text("bold")')
        .count(),
      0,
    )
    const hrefs = await mapped(page, 'a', 'row.href')
    assert.deepEqual(
      hrefs.filter((href) => !/^https?:/.test(href)),
      [],
    )
    const text = await page.locator('#app').innerText()
    for (const sample of HOSTILE.slice(0, 7)) assert.ok(text.includes(sample), `shown as it is: ${sample}`)
    assert.ok((await page.locator('.escape', { hasText: 'U+202E' }).count()) > 0)
    assert.ok(!text.includes('\u202e') && !text.includes('\u0000') && !text.includes('\u001b'))
    assert.match(await page.title(), /^<img src=x onerror=/)
  }))

test('hostile text is inert in the list, its chips and its tooltips', () =>
  browsing.open(`/traces?name=${encodeURIComponent(HOSTILE[0]!)}`, {}, async ({ page }) => {
    await page.waitForSelector('.trace-rows tbody tr')
    const box = (await page.locator('.scatter canvas').boundingBox())!
    for (let x = 60; x < box.width; x += 12) await page.mouse.move(box.x + x, box.y + 64)
    assert.equal(await page.locator('#app img, #app script, #app svg[onload]').count(), 0)
  }))

test('an address that names nothing known still shows something', async () => {
  await browsing.open(`/traces/${'ab'.repeat(16)}`, { expected: ['404'] }, async ({ page }) => {
    await page.waitForSelector('text=There is no such trace')
  })
  await browsing.open('/nowhere', {}, async ({ page }) => {
    await page.waitForSelector('text=There is no such page')
  })
  await browsing.open(at(skewed, '?span=zz&z=9-1&c=,,x&d=999999&q=%00'), {}, async ({ page }) => {
    await until('all rows', async () => (await rowCount(page)) === 25)
  })
})

test('a trace of 100,000 spans opens in columns and scrolls to its end without a DOM node a span', () => {
  const first = big.spans[1]!.spanId
  return browsing.open(at(big, `?from=${first}@begin&to=${first}@end`), {}, async ({ page }) => {
    page.setDefaultTimeout(30_000)
    await page.waitForSelector(ROWS)
    await page.waitForSelector('[data-role=rows][aria-rowcount="100000"]')
    // Its path comes with the columns, unless another one is asked for.
    await until('the path between two points', async () =>
      browsing.fixture.say.requests.some((request) => request.includes(`from=${first}%40begin`)),
    )
    await until('its ends are marked', async () =>
      /path from here, path to here/.test((await mapped(page, ROWS, 'row.cells[4].innerText'))[1] ?? ''),
    )
    await until(
      'the root is not on it',
      async () => !(await page.locator(ROWS).first().innerText()).includes('critical path'),
    )
    await page.evaluate('document.querySelector(".scroller").scrollTop = 1e9')
    await page.waitForSelector(`${ROWS}[aria-rowindex="100000"]`)
    assert.ok((await colourCount(page, CANVAS)) > 5)
    assert.ok((await page.evaluate<number>('document.querySelectorAll("*").length')) < 1_500)
    await page.keyboard.press('e')
    await page.waitForSelector('[data-role=details] >> text=checksum mismatch')
  })
})
