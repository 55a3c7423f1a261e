// The collector that the settings name: its head lines, its connection.

import type { Answer } from './http-answer.ts'
import { headText, KeptConnection } from './kept-connection.ts'
import { COLLECTOR } from './peer-error.ts'
import type { ExporterSettings } from './settings.ts'

export class Collector {
  readonly connection: KeptConnection
  readonly #head: string
  readonly #timeoutMs: number

  /** Throws PeerError of settings that no request can be made of. */
  constructor(settings: ExporterSettings, detached: <R>(fn: () => R) => R) {
    const parts = { ...settings, peer: COLLECTOR, detached }
    const { pathname, search } = settings.url
    const head = { method: 'POST', path: pathname + search, lines: linesOf(settings) } as const
    this.#head = headText(parts, head, 'OTEL_EXPORTER_OTLP_HEADERS')
    this.#timeoutMs = timeoutMs(settings)
    this.connection = new KeptConnection(parts)
  }

  /** As `post` of its connection. */
  post(body: Uint8Array): Promise<Answer> {
    return this.connection.post(this.#head, body, this.#timeoutMs)
  }

  /** As `sendNow` of its connection. */
  sendNow(body: Uint8Array): boolean {
    return this.connection.sendNow(this.#head, body)
  }
}

const OURS = new Set([
  'host',
  'content-type',
  'content-encoding',
  'content-length',
  'transfer-encoding',
  'connection',
])

function linesOf({ url, headers, isGzip }: ExporterSettings): readonly (readonly [string, string])[] {
  return [
    ['content-type', 'application/x-protobuf'],
    ...(isGzip ? ([['content-encoding', 'gzip']] as const) : []),
    ...(url.username === '' ? [] : ([['authorization', `Basic ${credentials(url)}`]] as const)),
    ...[...headers].filter(([name]) => !OURS.has(name.toLowerCase())),
  ]
}

function credentials({ username, password }: URL): string {
  return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
}

/** 0 is OpenTelemetry's way to say "no limit". */
function timeoutMs(settings: ExporterSettings): number {
  const LONGEST_TIMER_MS = 2 ** 31 - 1
  return settings.timeoutMs === 0 ? LONGEST_TIMER_MS : Math.min(settings.timeoutMs, LONGEST_TIMER_MS)
}
