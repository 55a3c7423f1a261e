// What is sent by hand is there before anybody looks for it: OTLP/JSON and OTLP/protobuf, in the API and on
// the page that was open already.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { encodeOtlp } from '#traces'
import { ensureWebBuilt } from '../../scripts/web-build.ts'
import { openLoggedIn, type LoggedIn } from './logged-in.ts'
import { Crosscut, until } from './running.ts'

/** From the ack until it is seen. */
const SEEN_MS_MAX = 3_000
/** The quickest counts: other tests run beside this one. */
const TRIES = 3

const crosscut = new Crosscut()
let app: LoggedIn
let page: Page

before(async () => {
  await ensureWebBuilt()
  await crosscut.start()
  app = await openLoggedIn(await crosscut.loginLink())
  page = app.page
})
after(async () => {
  await app.close()
  await crosscut.close()
})

type Sent = { readonly traceId: string; readonly name: string }
const sentNow = (): Sent => ({
  traceId: randomBytes(16).toString('hex'),
  name: `GET /${randomBytes(4).toString('hex')}`,
})

function json({ traceId, name }: Sent): string {
  const startNs = BigInt(Date.now()) * 1_000_000n
  const span = {
    traceId,
    spanId: '00000000000000aa',
    name,
    kind: 2,
    startTimeUnixNano: String(startNs),
    endTimeUnixNano: String(startNs + 5_000_000n),
  }
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
}

const ENCODINGS: readonly (readonly [
  name: string,
  type: string,
  encode: (sent: Sent) => string | Uint8Array<ArrayBuffer>,
])[] = [
  ['OTLP/JSON', 'application/json', json],
  ['OTLP/protobuf', 'application/x-protobuf', (sent) => new Uint8Array(encodeOtlp(JSON.parse(json(sent))))],
]

for (const [name, type, encode] of ENCODINGS) {
  test(`a trace sent as ${name} is in the API, the list and on the page within ${SEEN_MS_MAX} ms`, async () => {
    const seenMs: number[][] = []
    for (let i = 0; i < TRIES; i++) {
      const sent = sentNow()
      const headers = { 'content-type': type }
      const answer = await fetch(`${crosscut.otlpUrl}/v1/traces`, {
        method: 'POST',
        headers,
        body: encode(sent),
      })
      assert.equal(answer.status, 200)
      const ackedMs = performance.now()
      const after = async (look: () => Promise<boolean>, what: string): Promise<number> => {
        await until(look, () => `${name} is not ${what}`)
        return performance.now() - ackedMs
      }
      seenMs.push(
        await Promise.all([
          after(
            () =>
              crosscut.trace(sent.traceId).then(
                ({ totalSpans }) => totalSpans === 1,
                () => false,
              ),
            'in the API',
          ),
          after(
            async () => (await crosscut.traces()).some(({ traceId }) => traceId === sent.traceId),
            'in the list',
          ),
          after(async () => (await page.getByText(sent.name).count()) > 0, 'on the page'),
        ]),
      )
    }
    const quickest = Math.min(...seenMs.map((places) => Math.max(...places)))
    assert.ok(quickest <= SEEN_MS_MAX, JSON.stringify(seenMs))
  })
}
