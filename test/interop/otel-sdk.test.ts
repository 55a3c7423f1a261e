// A service that knows only the public OpenTelemetry SDK, between two of ours.

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Crosscut, until, type Program } from '../system/running.ts'

const READY = /^ready (\S+)$/m
const crosscut = new Crosscut()
let frontUrl = ''

function urlOf(program: Program): string {
  return READY.exec(program.output())?.[1] ?? ''
}

before(async () => {
  await crosscut.start()
  const at = (name: string): string => path.join(import.meta.dirname, name)
  const back = await crosscut.run([at('back.mjs')], { OTEL_SERVICE_NAME: 'back' }, READY)
  const middle = await crosscut.plain(
    [at('middle.cjs')],
    { OTEL_SERVICE_NAME: 'middle', NEXT: urlOf(back), OTEL_BSP_SCHEDULE_DELAY: '200' },
    READY,
  )
  const front = await crosscut.run(
    [at('front.mjs')],
    { OTEL_SERVICE_NAME: 'front', NEXT: urlOf(middle) },
    READY,
  )
  frontUrl = urlOf(front)
})
after(() => crosscut.close())

test('our baggage passes through it untouched', async () => {
  const answer = await (await fetch(frontUrl)).text()
  assert.equal(answer, 'front<middle<plan=gold header=true>>')
})

test('it shows up beside ours, in one trace with the right parents', async () => {
  let found: string[] = []
  await until(
    async () => {
      const [summary] = await crosscut.traces({ service: 'middle' })
      if (summary === undefined) return false
      const { spans } = await crosscut.trace(summary.traceId)
      const byId = new Map(spans.map((span) => [span.spanId, span]))
      found = spans
        .map((span) => `${byId.get(span.parentSpanId ?? '')?.service ?? ''}>${span.service}:${span.kind}`)
        .toSorted()
      return found.length >= 5
    },
    () => `the trace did not become whole: ${found.join(' ')}`,
    15_000,
  )
  assert.deepEqual(
    found,
    [
      '>front:server',
      'front>front:client',
      'front>middle:server',
      'middle>back:server',
      'middle>middle:client',
    ].toSorted(),
  )
})
