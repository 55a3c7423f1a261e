// An uninstrumented service in the middle that knows only the public OpenTelemetry propagator forwards our
// member untouched.
import { defaultTextMapGetter, defaultTextMapSetter, propagation, ROOT_CONTEXT } from '@opentelemetry/api'
import { W3CBaggagePropagator } from '@opentelemetry/core'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { fork } from 'node:child_process'
import { execution, get, here, rig, serve } from './testing.ts'

rig()

/** What OpenTelemetry makes of a header and sends on. */
function forwarded(header: string): string | undefined {
  const propagator = new W3CBaggagePropagator()
  const out: Record<string, string> = {}
  propagator.inject(
    propagator.extract(ROOT_CONTEXT, { baggage: header }, defaultTextMapGetter),
    out,
    defaultTextMapSetter,
  )
  return out['baggage']
}

describe('W3CBaggagePropagator of OpenTelemetry', () => {
  it('forwards our member byte for byte, at any size we write', async () => {
    for (const count of [1, 10, 100, 1000]) {
      const server = await serve((request, response) => response.end(request.headers['baggage']))
      const many = Array.from({ length: count }, (_, i) => `w${i}`)
      const { body } = await execution(many, () => get(server.url))
      assert.ok(body.startsWith('cc='))
      assert.equal(forwarded(body), body)
      await server.close()
    }
  })

  it('forwards it beside members of others, with a MAC too', () => {
    const header = `cc=AAECAw.${'k'.repeat(22)},user=alice;p=1`
    assert.equal(forwarded(header), header)
    assert.notEqual(
      propagation
        .getBaggage(
          new W3CBaggagePropagator().extract(ROOT_CONTEXT, { baggage: header }, defaultTextMapGetter),
        )
        ?.getEntry('cc'),
      undefined,
    )
  })
})

describe('a process instrumented with OpenTelemetry alone', () => {
  it('between two of ours changes nothing: the last one sees what the first one carried', async () => {
    const last = await serve((request, response) =>
      response.end(JSON.stringify({ saw: here(), header: request.headers['baggage'] })),
    )
    const middle = fork(new URL('./otel-forward.middle.cjs', import.meta.url), [last.url], { execArgv: [] })
    const [port] = await once(middle, 'message')
    const { body } = await execution(['tenant=a', 'x'.repeat(2000)], () =>
      get(`http://127.0.0.1:${port}/`, { headers: { baggage: 'user=alice' } }),
    )
    const got = JSON.parse(body)
    assert.deepEqual(got.saw, ['tenant=a', 'x'.repeat(2000)])
    assert.ok(got.header.endsWith(',user=alice'))
    middle.kill()
    await once(middle, 'exit')
    await last.close()
  })
})
