// The live list of traces in a real browser.

import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Browsing, colourCount, mapped, until } from './browser.ts'
import { sampleAgents, sampleTraces } from './fixture-server.ts'
import { checkoutTrace, readTrace } from './fixtures.ts'

const NOW_MS = Date.UTC(2026, 10, 24, 12)
const NOW_NS = BigInt(NOW_MS) * 1_000_000n
const ROWS = '.trace-rows tbody tr'

let browsing: Browsing
before(async () => {
  browsing = await Browsing.start()
})
after(() => browsing.close())
beforeEach(() => {
  const { say } = browsing.fixture
  say.traces = sampleTraces(NOW_MS, 60)
  say.agents = sampleAgents(NOW_MS)
  say.failStatus = undefined
  say.delayMs = () => 0
  say.requests.length = 0
})

const addressOf = (page: Page): string => page.url().slice(browsing.fixture.url.length)

test('the list shows traces newest first, with their latency over time', () =>
  browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    const ids = await mapped(page, ROWS, 'row.dataset.trace')
    const wanted = [...browsing.fixture.say.traces].sort((a, b) =>
      BigInt(a.summary.startNs) < BigInt(b.summary.startNs) ? 1 : -1,
    )
    assert.deepEqual(
      ids,
      wanted.map((trace) => trace.traceId),
    )
    await until('the scatter is drawn', async () => (await colourCount(page, '.scatter canvas')) > 3)
  }))

test('a sampled trace says how many it stands for, the others nothing', () => {
  const { say } = browsing.fixture
  const [first, ...rest] = say.traces
  assert.ok(first !== undefined)
  say.traces = [{ ...first, summary: { ...first.summary, weight: 12.53 } }, ...rest]
  return browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    const marks = await mapped(page, `${ROWS} .badge`, '`${row.innerText}: ${row.title}`')
    assert.deepEqual(
      marks.filter((text) => text.startsWith('×')),
      ['×12.5: It was sampled, and stands for 12.5 traces'],
    )
  })
})

test('a new trace appears by itself; paused it waits, counted, until it is let in', () =>
  browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector('.live.open')
    const first = checkoutTrace({ seed: 801, startNs: NOW_NS + 1_000_000_000n })
    browsing.fixture.arrive(first)
    await page.waitForSelector(`${ROWS}:first-child[data-trace="${first.traceId}"]`)

    await page.keyboard.press('p')
    await until('paused in the address', async () => /^\/traces\?paused=\d{13}$/.test(addressOf(page)))
    const second = checkoutTrace({ seed: 802, startNs: NOW_NS + 2_000_000_000n })
    browsing.fixture.arrive(second)
    await page.getByRole('button', { name: '1 new' }).click()
    await page.waitForSelector(`${ROWS}:first-child[data-trace="${second.traceId}"]`)
    assert.equal(addressOf(page), '/traces')
  }))

test('what is typed becomes chips, an address and a request, and the back button takes it back', () =>
  browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await page.keyboard.press('/')
    await page.keyboard.type('service=gateway >20ms http.route=/checkout')
    await page.keyboard.press('Enter')
    await until(
      'the address',
      async () => addressOf(page) === '/traces?service=gateway&minMs=20&attr.http.route=/checkout',
    )
    assert.deepEqual(await page.locator('.chip-key').allTextContents(), ['service', 'duration', 'http.route'])
    await until('the request', async () =>
      browsing.fixture.say.requests.some((address) =>
        address.includes('service=gateway&minMs=20&attr.http.route=%2Fcheckout'),
      ),
    )
    await until('only checkouts', async () =>
      (await page.locator('.root-name').allTextContents()).every((name) => name === 'POST /checkout'),
    )

    await page.reload()
    assert.deepEqual(await page.locator('.chip-value').allTextContents(), ['gateway', '20 ms', '/checkout'])
    await page.getByRole('button', { name: 'Remove duration' }).click()
    await until(
      'one chip less',
      async () => addressOf(page) === '/traces?service=gateway&attr.http.route=/checkout',
    )
    await page.goBack()
    await until('all chips', async () => (await page.locator('.chip').count()) === 3)
  }))

test('the field offers services and attribute keys, and Tab takes the first', () =>
  browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await page.keyboard.press('/')
    await page.keyboard.type('db.')
    await page.waitForSelector('.offers li:has-text("db.system=")')
    await page.keyboard.type('sys')
    await page.keyboard.press('Tab')
    await page.keyboard.type('redis')
    await page.keyboard.press('Enter')
    await until('the address', async () => addressOf(page) === '/traces?attr.db.system=redis')
    await page.keyboard.type('service=car')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await until('the service', async () => addressOf(page) === '/traces?service=cart&attr.db.system=redis')
  }))

test('only errors by key, one service by its chip, a time range by choice: all in the address', () =>
  browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await page.keyboard.press('x')
    await until('errors', async () => addressOf(page) === '/traces?error=true')
    await until(
      'only failed rows',
      async () => (await page.locator(ROWS).count()) === (await page.locator(`${ROWS}.failed`).count()),
    )
    await page.locator('.facet', { hasText: 'payments' }).click()
    await until('service', async () => addressOf(page) === '/traces?service=payments&error=true')
    await page.getByLabel('Time range').selectOption('15')
    await until('range', async () => addressOf(page) === '/traces?service=payments&error=true&last=15')
  }))

test('a rectangle dragged in the scatter becomes time and duration', () =>
  browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await until('the scatter is drawn', async () => (await colourCount(page, '.scatter canvas')) > 3)
    const box = (await page.locator('.scatter canvas').boundingBox())!
    await page.mouse.move(box.x + 300, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + 700, box.y + 90, { steps: 4 })
    await page.mouse.up()
    await until('the address', async () =>
      /minMs=[\d.]+&maxMs=[\d.]+&from=\d{19}&to=\d{19}/.test(addressOf(page)),
    )
    assert.equal(await page.locator('.live.off').count(), 1)
  }))

test('j and k move, Enter opens, and going back finds the list as it was', () =>
  browsing.open('/traces?service=gateway', {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    const traceId = await page.locator(`${ROWS}:nth-child(2)`).getAttribute('data-trace')
    await until('the second row', async () =>
      addressOf(page).startsWith(`/traces?service=gateway&at=${traceId}&paused=`),
    )
    await page.keyboard.press('Enter')
    await until('the trace', async () => addressOf(page) === `/traces/${traceId}`)
    await page.waitForSelector('[data-role=rows] tbody tr')
    await page.keyboard.press('Escape')
    await page.waitForSelector(`${ROWS}.selected[data-trace="${traceId}"]`)
  }))

test('a clicked trace is found again by going back, in the list as it was then', () =>
  browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector('.live.open')
    const traceId = await page.locator(`${ROWS}:nth-child(5)`).getAttribute('data-trace')
    await page.locator(`${ROWS}:nth-child(5)`).click()
    await page.waitForSelector('[data-role=rows] tbody tr')
    browsing.fixture.arrive(checkoutTrace({ seed: 803, startNs: NOW_NS + 9_000_000_000n }))
    await page.goBack()
    await page.waitForSelector(`${ROWS}:nth-child(5).selected[data-trace="${traceId}"]`)
    await page.reload()
    await page.waitForSelector(`${ROWS}:nth-child(5).selected[data-trace="${traceId}"]`)
    assert.match(await page.locator('.live').innerText(), /Paused/)
  }))

test('on a phone the list still says what, when and how long, within the screen', () =>
  browsing.open('/traces', { width: 390, height: 844 }, async ({ page }) => {
    await page.waitForSelector(ROWS)
    for (const cell of ['.started', '.root-name', '.duration-text']) {
      const box = await page.locator(`${ROWS}:first-child ${cell}`).boundingBox()
      assert.ok(box !== null && box.width > 20 && box.x >= 0 && box.x + box.width <= 390, cell)
    }
  }))

test('before the first trace the page says how to send one, and shows it when it comes', () => {
  browsing.fixture.say.traces = []
  return browsing.open('/', {}, async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.waitForSelector('text=Waiting for the first trace')
    await page.getByRole('button', { name: 'Copy: A Node application' }).click()
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), 'npx crosscut run -- node app.js')
    const curl = (await page.locator('.command pre').allTextContents())[2] ?? ''
    const body: unknown = JSON.parse(/-d '\n(.*)'$/s.exec(curl)?.[1] ?? '')
    assert.ok(JSON.stringify(body).includes('"name":"first span"'))
    browsing.fixture.arrive(readTrace({ seed: 3, startNs: NOW_NS }))
    await page.waitForSelector(ROWS)
  })
})

test('an error says what to do, and the last good answer stays while the server is away', () => {
  browsing.fixture.say.failStatus = 503
  return browsing.open('/traces', { expected: ['503'] }, async ({ page }) => {
    await page.waitForSelector('text=The store does not answer.')
    await page.waitForSelector('text=E_STORE_DOWN')
    browsing.fixture.say.failStatus = undefined
    // The page tries again by itself, too: the button may be gone before it is reached.
    const clicked = page.getByRole('button', { name: 'Try again' }).click()
    clicked.catch(() => undefined)
    await Promise.any([clicked, page.waitForSelector(ROWS)])
    await page.waitForSelector(ROWS)
    browsing.fixture.say.failStatus = 503
    await page.keyboard.press('x')
    await page.waitForSelector('text=What you see is the last good answer.')
    assert.ok((await page.locator(ROWS).count()) > 0)
  })
})

test('who is not signed in is told how to sign in', () => {
  browsing.fixture.say.failStatus = 401
  return browsing.open('/traces', { expected: ['401'] }, async ({ page }) => {
    await page.waitForSelector('text=You are not signed in')
    await page.waitForSelector('.command:has-text("npx crosscut login")')
  })
})

test('who may not is told what it may not, and what to do', () => {
  browsing.fixture.say.failStatus = 403
  return browsing.open('/traces', { expected: ['403'] }, async ({ page }) => {
    await page.waitForSelector('text=You may not do this: The store does not answer.')
    await page.waitForSelector('text=It is restarted by itself.')
  })
})

test('a login link that does not work says so, and how to get a new one', () =>
  browsing.open('/login?token=used', {}, async ({ page }) => {
    await page.waitForSelector('text=This login link was used before')
    await page.waitForSelector('.command:has-text("npx crosscut login")')
  }))

test('the newest question wins: a late answer to an older one is dropped', () => {
  browsing.fixture.say.delayMs = (address) => (address.includes('service=mailer') ? 900 : 0)
  return browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await page.locator('.facet', { hasText: 'mailer' }).click()
    await until('asked', async () =>
      browsing.fixture.say.requests.some((address) => address.includes('service=mailer')),
    )
    await page.locator('.facet', { hasText: 'cart' }).click()
    await until(
      'answered',
      async () =>
        addressOf(page) === '/traces?service=cart' &&
        (await page.locator('.traces-body.stale').count()) === 0,
    )
    const before = await page.locator(ROWS).count()
    await page.waitForTimeout(1_000)
    assert.equal(await page.locator(ROWS).count(), before)
    assert.equal(
      await page
        .locator('.facet.on')
        .textContent()
        .then((text) => text?.startsWith('cart')),
      true,
    )
  })
})

test('a pasted trace id opens the trace', () =>
  browsing.open('/traces', {}, async ({ page }) => {
    const { traceId } = browsing.fixture.say.traces[0]!
    await page.waitForSelector(ROWS)
    await page.keyboard.press('/')
    await page.keyboard.type(traceId.toUpperCase())
    await page.keyboard.press('Enter')
    await until('the trace', async () => addressOf(page) === `/traces/${traceId}`)
  }))

test('the theme follows the system, and a choice outlives the page', () =>
  browsing.open('/traces', { theme: 'dark' }, async ({ page }) => {
    const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor')
    await page.waitForSelector(ROWS)
    assert.equal(await background(), 'rgb(14, 16, 18)')
    await page.emulateMedia({ colorScheme: 'light' })
    await until('light with the system', async () => (await background()) === 'rgb(245, 245, 241)')
    const button = page.getByRole('button', { name: /^Theme/ })
    await button.click()
    await button.click()
    await until('dark by choice', async () => (await background()) === 'rgb(14, 16, 18)')
    await page.reload()
    assert.equal(await background(), 'rgb(14, 16, 18)')
  }))

test('the system page shows processes, what they lost and why, and the tools', () =>
  browsing.open('/system', {}, async ({ page }) => {
    const row = page.locator('.agents tr', { hasText: 'payments' })
    await row.waitFor()
    assert.match(
      await row.innerText(),
      /gone.*host-d.*4268.*24\.21\.0.*911k.*812.*ECONNREFUSED connect ECONNREFUSED/s,
    )
    await page.waitForSelector('.tool:has-text("tag-requests")')
  }))

test('help lists the keys and closes', () =>
  browsing.open('/traces', {}, async ({ page }) => {
    await page.waitForSelector(ROWS)
    await page.keyboard.press('?')
    await page.waitForSelector('dialog[open] >> text=next, previous span')
    await page.keyboard.press('Escape')
    await until('closed', async () => (await page.locator('dialog[open]').count()) === 0)
  }))
