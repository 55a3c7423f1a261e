// Collectors and control planes that misbehave: whatever they answer, spans are accounted for, the exporter
// goes on, and the agent comes back to its control plane. Raw sockets, because no HTTP server would do this.

import assert from 'node:assert/strict'
import { createServer as createHttpsServer } from 'node:https'
import { createServer, type Server, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentHello, AgentReport } from '#protocol'
import { SpanQueue } from './batch.ts'
import { openWallClock } from './clock.ts'
import { openControl } from './control.ts'
import { openExporter } from './exporter.ts'
import { Ledger } from './guard.ts'
import { REPORT_EVERY_MS, RESPONSE_BYTES_MAX, STATE_BYTES_MAX } from './limits.ts'
import { readSettings } from './settings.ts'
import { Span } from './span.ts'
import { until } from './testing/rig.ts'

type Answer = (socket: Socket, request: string) => void
type Hostile = { readonly url: string; readonly requests: string[]; close(): Promise<void> }

/** Calls `answer` with the head of each request. */
async function hostile(answer: Answer): Promise<Hostile> {
  const sockets = new Set<Socket>()
  const requests: string[] = []
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      const line = /^(?:POST|GET) \S+/.exec(chunk.toString('latin1'))?.[0]
      if (line === undefined) return
      requests.push(line)
      answer(socket, line)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** One byte each 20 ms, for ever. */
function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write(' '), 20)
  socket.on('close', () => clearInterval(timer))
}

/** As fast as it is read, for ever. */
function flood(socket: Socket, piece: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(piece));
    socket.once('drain', more)
  }
  more()
}

/** Three spans to this collector; ends when the exporter was told to hurry and all are settled. */
async function exportTo(
  url: string,
  more: Record<string, string> = {},
): Promise<{ queue: SpanQueue; ledger: Ledger }> {
  const ledger = new Ledger()
  const { exporter: settings } = readSettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_TIMEOUT: '150',
    ...more,
  })
  const queue = new SpanQueue({
    resource: new Map(),
    clock: openWallClock(),
    ledger,
    limits: { spansMax: 512, queueMax: 2048 },
  })
  const exporter = openExporter({ queue, ledger, settings, delayMs: 1, detached: (fn) => fn() })
  for (let i = 0; i < 3; i += 1) {
    const span = new Span({
      name: 'a',
      kind: 1,
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      parent: undefined,
      scope: { name: 's', version: '' },
      startMs: 1,
    })
    span.endMs = 2
    queue.add(span)
  }
  exporter.wake()
  // Long enough for a deadline of ours, short enough that no second try is made: those begin after 250 ms.
  await until('something is known of the first try', () => ledger.lastFailure !== undefined || queue.isEmpty)
  await exporter.flush(300)
  await until('every span is settled', () => queue.isEmpty)
  return { queue, ledger }
}

const OK = 'HTTP/1.1 200 OK\r\n'

const COLLECTORS: readonly (readonly [name: string, code: string, answer: Answer])[] = [
  [
    'answers one byte at a time',
    'E_EXPORT',
    (socket) => {
      socket.write(`${OK}Content-Length: 100000\r\n\r\n`)
      drip(socket)
    },
  ],
  [
    'sends its head one byte at a time',
    'E_EXPORT',
    (socket) => {
      socket.write(`${OK}x: `)
      drip(socket)
    },
  ],
  ['never answers', 'E_EXPORT', () => {}],
  [
    'switches protocols',
    'E_EXPORT',
    (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
  ],
  [
    'says continue for ever',
    'E_EXPORT',
    (socket) => flood(socket, 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)),
  ],
  ['speaks no HTTP', 'E_EXPORT', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ['sends a head without end', 'E_EXPORT', (socket) => flood(socket, `${OK}x: ${'y'.repeat(60_000)}`)],
  ['hangs up', 'E_EXPORT', (socket) => socket.destroy()],
  [
    'promises more than it sends',
    'E_EXPORT',
    (socket) => socket.end(`${OK}Content-Length: 100\r\n\r\nshort`),
  ],
  [
    'answers 10 GB',
    'E_EXPORT',
    (socket) => {
      socket.write(`${OK}Content-Length: 10000000000\r\n\r\n`)
      flood(socket, 'x'.repeat(RESPONSE_BYTES_MAX))
    },
  ],
]

for (const [name, code, answer] of COLLECTORS) {
  test(`a collector that ${name} costs its spans, counted, and nothing else`, async () => {
    const collector = await hostile(answer)
    try {
      const { queue, ledger } = await exportTo(collector.url)
      assert.deepEqual(queue.counts, { emitted: 3, sent: 0, dropped: 3, queued: 0 })
      assert.deepEqual({ ...ledger.drops }, { 'export-failed': 3 })
      assert.equal(ledger.lastFailure?.code, code)
    } finally {
      await collector.close()
    }
  })
}

test('200 with a page of HTML is an answer: what it means is not ours to guess', async () => {
  const page = '<html>sign in</html>'
  const collector = await hostile((socket) =>
    socket.write(`${OK}Content-Type: text/html\r\nContent-Length: ${page.length}\r\n\r\n${page}`),
  )
  const { queue } = await exportTo(collector.url)
  assert.deepEqual(queue.counts, { emitted: 3, sent: 3, dropped: 0, queued: 0 })
  await collector.close()
})

test('a collector without a certificate, or checked by a file that is not there, gets nothing', async () => {
  const server = createHttpsServer({}, () => assert.fail('no request may get through'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const url = `https://127.0.0.1:${address.port}`
  for (const file of ['', '/nowhere.pem']) {
    const { queue } = await exportTo(url, { OTEL_EXPORTER_OTLP_CERTIFICATE: file })
    assert.deepEqual(queue.counts, { emitted: 3, sent: 0, dropped: 3, queued: 0 })
  }
  await new Promise((resolve) => server.close(resolve))
})

const HELLO: AgentHello = {
  agent: 'a',
  service: 's',
  pid: 1,
  host: 'h',
  nodeVersion: '24',
  agentVersion: '1',
  startedMs: 0,
  resource: {},
  tracepoints: [],
}
const report = (): AgentReport => ({
  agent: 'a',
  epoch: 'e',
  seq: 1,
  timeMs: 0,
  stateVersion: 0,
  packages: [],
  spans: { emitted: 0, sent: 0, dropped: 0, queued: 0 },
  drops: {},
  budget: { adviceNs: 0, adviceRuns: 0, isTripped: false },
  eventLoopDelayMsP99: 0,
  rssBytes: 0,
})

const JSON_OK = `${OK}Content-Length: 2\r\n\r\n{}`
const STREAM = `${OK}Content-Type: text/event-stream\r\n\r\n`
const onState =
  (answer: (socket: Socket) => void): Answer =>
  (socket, request) =>
    request.startsWith('GET') ? answer(socket) : socket.write(JSON_OK)

const PLANES: readonly (readonly [name: string, code: string, answer: Answer])[] = [
  [
    'answers hello beyond its limit',
    'E_CONTROL_REFUSED',
    (socket) => {
      socket.write(`${OK}Content-Length: 100000000\r\n\r\n`)
      flood(socket, 'x'.repeat(RESPONSE_BYTES_MAX))
    },
  ],
  [
    'answers hello one byte at a time',
    'E_CONTROL_TIMEOUT',
    (socket) => {
      socket.write(`${OK}Content-Length: 100000000\r\n\r\n`)
      drip(socket)
    },
  ],
  [
    'switches protocols',
    'E_CONTROL_REFUSED',
    (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
  ],
  [
    'switches protocols at the stream',
    'E_CONTROL_REFUSED',
    onState((socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    ),
  ],
  [
    'sends an event of lines without end',
    'E_CONTROL_REFUSED',
    onState((socket) => {
      socket.write(STREAM)
      flood(socket, 'data: 0123456789\n'.repeat(4096))
    }),
  ],
  [
    'sends a line without end',
    'E_CONTROL_REFUSED',
    onState((socket) => {
      socket.write(`${STREAM}data: `)
      flood(socket, 'x'.repeat(65_536))
    }),
  ],
  ['ends the stream', 'E_CONTROL_CLOSED', onState((socket) => socket.end(STREAM))],
  [
    'knows no stream',
    'E_CONTROL_REFUSED',
    onState((socket) => socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')),
  ],
]

test('an agent comes back to every control plane that misbehaves', { concurrency: true }, async (t) => {
  await Promise.all(
    PLANES.map(([name, code, answer]) =>
      t.test(`one that ${name}`, async () => {
        const plane = await hostile(answer)
        const ledger = new Ledger()
        const codes = new Set<string>()
        let longest = 0
        const note = ledger.note.bind(ledger)
        ledger.note = (where, error) => {
          note(where, error)
          if (where !== 'report') codes.add(ledger.lastFailure?.code ?? '')
        }
        const control = openControl({
          settings: { url: new URL(plane.url), token: 't.f', fingerprint: 'f' },
          ledger,
          detached: (fn) => fn(),
          hello: () => HELLO,
          report,
          onState: (data) => {
            longest = Math.max(longest, data.length)
          },
          onStream: () => {},
          onOrder: () => {},
        })
        // Nothing of the agent keeps the process alive; this does.
        const hold = setInterval(() => {}, 1000)
        try {
          const hellos = (): number => plane.requests.filter((line) => line.endsWith('/hello')).length
          await until('hello is said again', () => hellos() >= 2, 15_000)
          assert.deepEqual([...codes], [code])
          assert.ok(longest <= 2 * STATE_BYTES_MAX)
        } finally {
          clearInterval(hold)
          control.stop()
          await plane.close()
        }
      }),
    ),
  )
})

test('an agent that is stopped dials no more, whatever was waiting for its turn', async () => {
  const plane = await hostile(() => {})
  const control = openControl({
    settings: { url: new URL(plane.url), token: 't.f', fingerprint: 'f' },
    ledger: new Ledger(),
    detached: (fn) => fn(),
    hello: () => HELLO,
    report,
    onState: () => {},
    onStream: () => {},
    onOrder: () => {},
  })
  try {
    await until('hello is said, and not answered', () => plane.requests.length === 1)
    // A report waits behind it by then.
    await sleep(REPORT_EVERY_MS + 200)
    control.stop()
    await sleep(200)
    assert.deepEqual(plane.requests, ['POST /agent/v1/hello'])
  } finally {
    control.stop()
    await plane.close()
  }
})
