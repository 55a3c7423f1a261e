// Attributes of strangers, from the wire to the last view: too many names on one span, very many names on
// many spans, names and values that are markup, members of objects, and characters that hide or turn text
// around. A real server, real ingest, the real page in Chromium: what comes in as text is shown as text.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { Attributes, SpanView } from '#protocol'
import { ensureWebBuilt } from '../../scripts/web-build.ts'
import { HOSTILE } from '../web/fixtures.ts'
import { openLoggedIn, type LoggedIn } from './logged-in.ts'
import { Crosscut, until } from './running.ts'

const WAIT_MS = 60_000
/** Attributes of a span that the server keeps. */
const KEPT = 128
const TOO_MANY = 100_000
const SPANS = 800
const NAMES_PER_SPAN = 125
const SPANS_PER_TRACE = 100
/** What a lone half of a character becomes on its way, the others stay as they were sent. */
const TEXTS = HOSTILE.map((text) => text.toWellFormed())
const [IMG = '', , SCRIPT = ''] = TEXTS
const HIDES = 'a\u202eb\u2066c\u200bd\u0000e\u001b[31mf'

type SentSpan = {
  readonly traceId: string
  readonly name: string
  readonly service: string
  readonly attributes: readonly object[]
  readonly more?: object
}

const crosscut = new Crosscut()
let app: LoggedIn
let page: Page
const idOf = (prefix: string, i: number): string => prefix + i.toString(16).padStart(32 - prefix.length, '0')
const named = (key: string, value: string): object => ({ key, value: { stringValue: value } })

before(async () => {
  await ensureWebBuilt()
  await crosscut.start()
  app = await openLoggedIn(await crosscut.loginLink(), { width: 1360, height: 900, waitMs: WAIT_MS })
  page = app.page
})
after(async () => {
  await app.close()
  await crosscut.close()
})

type Answer = { readonly partialSuccess?: { readonly rejectedSpans: string; readonly errorMessage: string } }

/** Each span a tree of its own trace, unless it says its parent. */
async function send(spans: readonly SentSpan[]): Promise<Answer> {
  const endNs = BigInt(Date.now() - 1_000) * 1_000_000n
  const resourceSpans = spans.map(({ service, name, traceId, attributes, more }, i) => ({
    resource: { attributes: [named('service.name', service)] },
    scopeSpans: [
      {
        spans: [
          {
            traceId,
            spanId: idOf('', i + 1).slice(16),
            name,
            kind: 2,
            startTimeUnixNano: String(endNs - 5_000_000n),
            endTimeUnixNano: String(endNs),
            attributes,
            ...more,
          },
        ],
      },
    ],
  }))
  const answer = await fetch(`${crosscut.otlpUrl}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ resourceSpans }),
  })
  assert.equal(answer.status, 200)
  return (await answer.json()) as Answer
}

async function stored(traceId: string, count: number): Promise<readonly SpanView[]> {
  let spans: readonly SpanView[] = []
  await until(
    async () => {
      const view = await crosscut.trace(traceId).catch(() => undefined)
      spans = view?.spans ?? []
      return spans.length === count
    },
    () => `${spans.length} of ${count} spans of ${traceId}`,
    WAIT_MS,
  )
  return spans
}

describe('very many names of attributes', () => {
  test('a span with 100,000 keeps the first 128, and the answer, the span and the page say how many it lost', async () => {
    const traceId = idOf('aa', 1)
    const attributes = Array.from({ length: TOO_MANY }, (_, i) => named(`name-${i}`, 'v'))
    const { partialSuccess } = await send([{ traceId, name: 'wide', service: 'wide', attributes }])
    assert.equal(partialSuccess?.rejectedSpans, '0')
    assert.match(partialSuccess.errorMessage, new RegExp(`${TOO_MANY - KEPT}`))
    const [span] = await stored(traceId, 1)
    assert.deepEqual(
      Object.keys(span?.attributes ?? {}).toSorted(),
      Array.from({ length: KEPT }, (_, i) => `name-${i}`).toSorted(),
    )
    assert.equal(span?.droppedCount, TOO_MANY - KEPT)
    await page.goto(`${crosscut.url}/traces/${traceId}?span=${span.spanId}`)
    await page.getByText('99.8k items left out by a limit of the sender or of this server').waitFor()
    assert.equal(await page.locator('.details .attributes').first().locator('tr').count(), KEPT)
  })

  test('800 spans of 125 names each, no name twice, are stored whole and found by any of them', async () => {
    const nameOf = (span: number, i: number): string => `key.${span}.${i}`
    const traceOf = (span: number): string => idOf('bb', Math.floor(span / SPANS_PER_TRACE) + 1)
    const spans = Array.from({ length: SPANS }, (_, span) => ({
      traceId: traceOf(span),
      name: `span ${span}`,
      service: 'many',
      attributes: Array.from({ length: NAMES_PER_SPAN }, (__, i) => named(nameOf(span, i), `${span}`)),
    }))
    assert.deepEqual(await send(spans), {})
    const names = new Set<string>()
    for (let span = 0; span < SPANS; span += SPANS_PER_TRACE)
      for (const { attributes, name } of await stored(traceOf(span), SPANS_PER_TRACE))
        for (const [key, value] of Object.entries(attributes)) {
          assert.equal(name, `span ${String(value)}`)
          names.add(key)
        }
    assert.equal(names.size, SPANS * NAMES_PER_SPAN)
    for (const [span, i] of [
      [0, 0],
      [399, 62],
      [SPANS - 1, NAMES_PER_SPAN - 1],
    ] as const) {
      const found = await crosscut.traces({ [`attr.${nameOf(span, i)}`]: `${span}` })
      assert.deepEqual(
        found.map(({ traceId }) => traceId),
        [traceOf(span)],
      )
    }
    await page.goto(`${crosscut.url}/traces?attr.${nameOf(SPANS - 1, 0)}=${SPANS - 1}`)
    const rows = page.locator('.trace-rows tbody tr')
    await rows.first().waitFor()
    assert.equal(await rows.count(), 1)
  })
})

describe('names and values that are more than text elsewhere', () => {
  const traceId = idOf('cc', 1)
  const otherId = idOf('cc', 2)
  /** Each is a key, and the value of the key before it. */
  const attributes = [...TEXTS, HIDES].map((key, i) => named(key, TEXTS[(i + 1) % TEXTS.length] ?? ''))
  /** Shown as counters, in groups by the first part of their name, with their unit. */
  const numbers = [...TEXTS, HIDES].flatMap((text) => [
    { key: `crosscut.counter.${text}.size`, value: { intValue: '7' } },
    named(`crosscut.unit.${text}.size`, text),
  ])

  before(async () => {
    const root = { traceId, name: IMG, service: SCRIPT, attributes }
    const events = TEXTS.map((name) => ({ name, timeUnixNano: String(Date.now() * 1e6), attributes }))
    const children = [...TEXTS, HIDES].map((name, i) => ({
      traceId,
      name,
      service: TEXTS[i % TEXTS.length] ?? '',
      attributes: [...attributes, ...numbers],
      more: {
        parentSpanId: '0000000000000001',
        kind: 3,
        events,
        status: { code: 2, message: name },
        links: [{ traceId, spanId: '0000000000000001', attributes }],
      },
    }))
    await send([root, ...children])
    await send([{ traceId: otherId, name: IMG, service: SCRIPT, attributes }])
    await stored(traceId, 1 + children.length)
    const features = TEXTS.map((text, i) => `Root | Label(${JSON.stringify(text)}) | RecordAs("c${i}")`)
    await crosscut.api('/datasets/hostile', {
      method: 'PUT',
      body: JSON.stringify({ owner: 'strangers', filter: '', features: features.join('\n') }),
    })
    const range = { from: Date.now() - 3_600_000, to: Date.now() + 3_600_000 }
    await crosscut.api('/datasets/hostile/backfill', { method: 'POST', body: JSON.stringify(range) })
    await until(
      async () => {
        const init = { method: 'POST', body: JSON.stringify({ select: ['count'], where: 'c0 exists' }) }
        const { rows } = await crosscut.api<{ rows: readonly { count: number }[] }>(
          '/datasets/hostile/query',
          init,
        )
        return rows[0]?.count === 2
      },
      () => 'no rows of the hostile traces',
      WAIT_MS,
    )
  })

  test('are stored as they came, and found by', async () => {
    const [root] = await stored(traceId, TEXTS.length + 2)
    const kept: Attributes = root?.attributes ?? {}
    assert.deepEqual(Object.keys(kept).toSorted(), [...TEXTS, HIDES].toSorted())
    assert.ok(Object.hasOwn(kept, '__proto__') && Object.getPrototypeOf(kept) === Object.prototype)
    for (const [i, key] of TEXTS.entries()) {
      const found = await crosscut.traces({ [`attr.${key}`]: TEXTS[(i + 1) % TEXTS.length] ?? '' })
      assert.deepEqual(found.map((one) => one.traceId).toSorted(), [traceId, otherId], key)
    }
  })

  const q = encodeURIComponent
  const notebook = `cell=${q(`features:Root | Label(${JSON.stringify(IMG)}) | RecordAs("a")`)}&cell=${q(
    'sql:SELECT c0, c7, count(*) FROM hostile GROUP BY c0, c7',
  )}&cell=${q(`text:${IMG}`)}`
  /** Every place of the app, and what must be seen there; undefined = nothing of a stranger stands there. */
  for (const [place, seen] of [
    [`/traces?name=${q(IMG)}&attr.${q(IMG)}=${q(TEXTS[1] ?? '')}`, IMG],
    [`/traces?view=heat&service=${q(SCRIPT)}`, SCRIPT],
    [`/traces/${traceId}?span=0000000000000001`, IMG],
    [`/traces/${traceId}?span=0000000000000002&tab=counters`, IMG],
    [`/traces/${traceId}?span=0000000000000002&tab=points`, IMG],
    [`/traces/${traceId}?span=0000000000000002&tab=edges`, IMG],
    [`/traces/${traceId}?view=lanes`, IMG],
    [`/traces/${traceId}?view=flame`, IMG],
    [`/traces/${traceId}?view=compare&with=${otherId}`, IMG],
    [`/paths?at=${q(`service:${SCRIPT}`)}`, SCRIPT],
    ['/services', SCRIPT],
    ['/datasets', 'strangers'],
    ['/datasets?edit=hostile', IMG],
    ['/datasets/hostile?view=rows', '__proto__'],
    ['/datasets/hostile?view=groups&by=c0&by=c6', '__proto__'],
    ['/datasets/hostile?view=lines&by=c1', SCRIPT],
    [`/datasets/hostile?view=compare&a=${q(`c0 = '${TEXTS[1]}'`)}`, undefined],
    [`/datasets/requests?view=rows`, IMG],
    [`/datasets/errors?view=groups&by=message`, IMG],
    [`/notebook?${notebook}`, TEXTS[1]],
    [`/query?text=${q(`From e In ${IMG} Select COUNT`)}`, IMG],
    [`/tenants?at=${q(IMG)}`, undefined],
    [`/resources?at=${q(IMG)}`, undefined],
    ['/pipeline', undefined],
    ['/system', undefined],
  ] as const)
    test(`are text in ${place.replace(/\?.*[%{].*/, (query) => `${query.slice(0, 12)}..`)}`, async () => {
      await page.goto(crosscut.url + place)
      if (seen === undefined) await page.waitForLoadState('networkidle')
      else await page.locator('main').getByText(seen).first().waitFor({ state: 'attached' })
      await page.evaluate('for (const one of document.querySelectorAll("details")) one.open = true')
      await page.waitForTimeout(200)
      assert.deepEqual(await page.evaluate(AUDIT), [])
      assert.deepEqual(app.complaints.splice(0), [])
    })
})

/** What of the page is more than text: elements and addresses that came as data, characters that hide. */
const AUDIT = `(() => {
  const found = []
  const select = 'img:not(.cm-widgetBuffer), iframe, object, embed, base, meta[http-equiv=refresh], ' +
    'script:not([src]), #app script'
  for (const one of document.querySelectorAll(select)) found.push(one.outerHTML.slice(0, 200))
  for (const one of document.querySelectorAll('b')) if (one.textContent === 'bold') found.push('<b>bold</b>')
  const hidden = /[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2069]/
  for (const one of document.querySelectorAll('*')) {
    for (const { name, value } of one.attributes) {
      if (/^on/.test(name)) found.push(one.tagName + ' ' + name)
      if (/^(href|src|action|formaction|xlink:href)$/.test(name) && /^\\s*(javascript|data):/i.test(value)
        && one.tagName !== 'LINK') found.push(one.tagName + ' ' + value)
      if (/^(title|aria-label|alt|placeholder)$/.test(name) && hidden.test(value))
        found.push(one.tagName + ' ' + name + ' hides ' + JSON.stringify(value))
    }
  }
  const text = document.createTreeWalker(document.querySelector('#app'), NodeFilter.SHOW_TEXT)
  while (text.nextNode()) {
    const { data, parentElement } = text.currentNode
    if (hidden.test(data)) found.push(parentElement.outerHTML.slice(0, 99) + ' hides ' + JSON.stringify(data))
  }
  if (hidden.test(document.title)) found.push('the title hides ' + JSON.stringify(document.title))
  if (window.__pwned !== undefined) found.push('a script of the data ran')
  if (Object.keys(Object.prototype).length > 0) found.push('a prototype was changed')
  return found
})()`
