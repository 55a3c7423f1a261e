// A context that leaks into everything: one trace of a million spans, sent while others are, through the
// whole server. It is fenced and told; the others have their rows, and their answers.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DatasetResult, TraceView } from '#protocol'
import { encodeOtlp } from '#traces'
import { Crosscut, until } from './running.ts'

const RUNAWAY = 'ee'.repeat(16)
const BATCHES = 100
const SPANS_PER_BATCH = 10_000
const OTHERS = 10
/** In each span id of the template, where the number of the batch is written. */
const MARK = Buffer.from('c0ffee00', 'hex')
const WAIT_MS = 180_000

const crosscut = new Crosscut()
before(() => crosscut.start())
after(() => crosscut.close())

const span = (traceId: string, spanId: string, ms: number) => {
  const startNs = BigInt(Date.now() - 10_000) * 1_000_000n
  return {
    traceId,
    spanId,
    name: 'leak',
    kind: 1,
    startTimeUnixNano: String(startNs),
    endTimeUnixNano: String(startNs + BigInt(ms) * 1_000_000n),
  }
}
const request = (service: string, spans: readonly ReturnType<typeof span>[]) => {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] }
  return { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }
}

async function post(body: Uint8Array<ArrayBuffer> | string): Promise<void> {
  const type = typeof body === 'string' ? 'application/json' : 'application/x-protobuf'
  for (;;) {
    const init = { method: 'POST', headers: { 'content-type': type }, body }
    const answer = await fetch(`${crosscut.otlpUrl}/v1/traces`, init)
    await answer.arrayBuffer()
    if (answer.status === 200) return
    // Full for a moment: as the protocol says, it is sent again.
    assert.equal(answer.status, 503)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

async function rowsOf(service: string): Promise<number> {
  const where = `service = '${service}'`
  const init = { method: 'POST', body: JSON.stringify({ select: ['count'], where }) }
  const { rows } = await crosscut.api<DatasetResult>('/datasets/requests/query', init)
  return Number(rows[0]?.['count'])
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${crosscut.url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1])
}

test('while a trace of a million spans comes, every other trace has its row', async () => {
  const ids = Array.from(
    { length: SPANS_PER_BATCH },
    (_, i) => MARK.toString('hex') + (i + 1).toString(16).padStart(8, '0'),
  )
  const template = Buffer.from(
    encodeOtlp(
      request(
        'leaky',
        ids.map((id) => span(RUNAWAY, id, 5)),
      ),
    ),
  )
  const places: number[] = []
  for (let at = template.indexOf(MARK); at >= 0; at = template.indexOf(MARK, at + 1)) places.push(at)
  assert.equal(places.length, SPANS_PER_BATCH)
  for (let batch = 0; batch < BATCHES; batch++) {
    for (const at of places) template.writeUInt32BE(batch + 1, at)
    await post(new Uint8Array(template))
    if (batch % (BATCHES / OTHERS) > 0) continue
    const other = (batch + 1).toString(16).padStart(32, 'f')
    await post(JSON.stringify(request('quiet', [span(other, 'a'.repeat(16), 20)])))
  }
  let rows = 0
  await until(
    async () => (rows = await rowsOf('quiet')) === OTHERS,
    () => `${rows} rows of ${OTHERS}`,
    WAIT_MS,
  )
})

test('it is stored whole, fenced, gets no features any more, and both is told', async () => {
  let seen: readonly number[] = []
  const wanted = [BATCHES * SPANS_PER_BATCH, 1]
  await until(
    async () => {
      const [found] = await crosscut.traces({ service: 'leaky' })
      seen = [found?.spanCount ?? 0, await metric('crosscut_traces_fenced_traces_total')]
      return (
        seen.every((count, i) => count === wanted[i]) &&
        (await metric('crosscut_features_traces_too_large_total')) > 0
      )
    },
    () => `spans and fenced traces: ${seen.join(', ')}`,
    WAIT_MS,
  )
  // Nor one of its beginning, which was due before it had grown too large.
  let rows = 1
  await until(
    async () => (rows = await rowsOf('leaky')) === 0,
    () => `${rows} rows of it`,
    WAIT_MS,
  )
})

test('it can be opened: its first spans in a model with a critical path, each of them as it came', async () => {
  const view = await crosscut.api<TraceView>(`/traces/${RUNAWAY}`)
  assert.ok(view.spans.length > 0 && view.spans.length < BATCHES * SPANS_PER_BATCH)
  const path = await crosscut.api<{ sections: readonly object[] }>(`/traces/${RUNAWAY}/critical-path`)
  assert.ok(path.sections.length > 0)
  const last = BATCHES * SPANS_PER_BATCH - 1_000
  const page = await crosscut.api<{
    resourceSpans: readonly { scopeSpans: readonly { spans: readonly object[] }[] }[]
  }>(`/traces/${RUNAWAY}/otlp?offset=${last}&limit=5000`)
  const spans = page.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((one) => one.spans))
  assert.equal(spans.length, 1_000)
})
