// What the agent counts on the block of a request, against what the client of a raw socket sent and got.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import http from 'node:http'
import net from 'node:net'
import { readSettings } from './settings.ts'
import { startAgent } from './start.ts'
import type { ReadSpan } from './testing/otlp-oracle.ts'
import { closed, listen, startCollector } from './testing/rig.ts'

/** Serves, lets `ask` do what it does with the port, and gives the spans of the server. */
async function spansOf(
  env: Record<string, string>,
  handler: http.RequestListener,
  ask: (port: number) => Promise<void>,
): Promise<readonly ReadSpan[]> {
  const collector = await startCollector()
  const agent = startAgent(readSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env }))
  try {
    const server = http.createServer(handler)
    await ask(Number(new URL(await listen(server)).port))
    await closed(server)
    await agent.flush(300)
    return collector.spans.filter((span) => span.kind === 2 && span.attributes['url.path'] !== '/v1/traces')
  } finally {
    agent.stop()
    await collector.close()
  }
}

/** One connection; counts every byte of both directions. */
class RawClient {
  readonly #socket: net.Socket
  received = 0

  constructor(port: number) {
    this.#socket = net.connect(port, '127.0.0.1')
  }

  /** Resolves with [bytes sent, bytes got] once the answer ends, as its last chunk tells. */
  ask(text: string): Promise<readonly [number, number]> {
    return new Promise((resolve, reject) => {
      let got = 0
      let seen = ''
      const onData = (chunk: Buffer) => {
        got += chunk.length
        seen += chunk.toString('latin1')
        if (!seen.endsWith('0\r\n\r\n')) return
        this.#socket.off('data', onData)
        resolve([Buffer.byteLength(text), got])
      }
      this.#socket.on('data', onData).once('error', reject)
      this.#socket.write(text)
    })
  }

  end(): void {
    this.#socket.end()
  }
}

const counter = (span: ReadSpan | undefined, name: string) => span?.attributes[`crosscut.counter.${name}`]

test('bytes in and out are those of each request on its connection, to the byte', async () => {
  const told: (readonly [number, number])[] = []
  const spans = await spansOf(
    {},
    (request, response) => {
      request.resume().on('end', () => {
        response.write('x'.repeat(Number(request.headers['x-size'] ?? '0')))
        response.end('.')
      })
    },
    async (port) => {
      const client = new RawClient(port)
      for (const [i, size] of [1, 50_000, 3].entries()) {
        const head = `POST /${i} HTTP/1.1\r\nHost: h${i}\r\nx-size: ${size}\r\nContent-Length: ${i * 1000}\r\n\r\n`
        told.push(await client.ask(head + 'b'.repeat(i * 1000)))
      }
      client.end()
    },
  )
  const bySpan = spans.toSorted((a, b) => (a.startNs < b.startNs ? -1 : 1))
  assert.deepEqual(
    bySpan.map((span) => [counter(span, 'bytes_in'), counter(span, 'bytes_out')]),
    told,
  )
})

test('a request that the loop was too busy for knows how late it was taken up', async () => {
  const BUSY_MS = 80
  const spans = await spansOf(
    {},
    (request, response) => {
      if (request.url === '/busy')
        for (const since = performance.now(); performance.now() - since < BUSY_MS;);
      response.end()
    },
    async (port) => {
      const ask = async (path: string) => void (await (await fetch(`http://127.0.0.1:${port}${path}`)).text())
      await ask('/first')
      await new Promise((resolve) => setTimeout(resolve, 50))
      await Promise.all([ask('/busy'), ask('/after')])
    },
  )
  const find = (path: string) => spans.find((span) => span.attributes['url.path'] === path)
  const [busy, after] = [find('/busy'), find('/after')]
  assert.ok(busy && after)
  const late = counter(after, 'event_loop_delay')
  if (after.startNs >= busy.startNs)
    assert.ok(typeof late === 'number' && late > 1 && late < 1000, String(late))
})

test('CPU time is counted only where it is asked for, and others not where they are not', async () => {
  const burn: http.RequestListener = (_request, response) => {
    for (const since = performance.now(); performance.now() - since < 30;);
    response.end()
  }
  const ask = async (port: number) => void (await (await fetch(`http://127.0.0.1:${port}/`)).text())
  const names = async (env: Record<string, string>) => {
    const [span] = await spansOf(env, burn, ask)
    return {
      span,
      has: ['bytes_in', 'bytes_out', 'cpu_time'].map((name) => counter(span, name) !== undefined),
    }
  }
  assert.deepEqual((await names({})).has, [true, true, false])
  assert.deepEqual((await names({ CROSSCUT_COUNTERS: 'none' })).has, [false, false, false])
  const asked = await names({ CROSSCUT_COUNTERS: 'cpu' })
  assert.deepEqual(asked.has, [false, false, true])
  const cpuMs = Number(counter(asked.span, 'cpu_time'))
  assert.ok(cpuMs > 1, `burned 30 ms of wall time, counted ${cpuMs} ms`)
})

test('a name that is no counter is told as misread', () => {
  const { counters, misread } = readSettings({ CROSSCUT_COUNTERS: 'bytes, heap' })
  assert.deepEqual([counters, misread], [['bytes'], ['CROSSCUT_COUNTERS']])
})
