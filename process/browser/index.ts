// The face of browser/ and the entry `crosscut/browser`: see README.md.
//
//   import { recordPage } from 'crosscut/browser'
//   const page = recordPage({ to: 'https://ingest.example/v1/traces', key: 'ccp_...', service: 'shop-web' })
//   const shown = page.block('piece Cart', { needs: ['/cart.css'] }); ...; shown.end()
//   performance.mark('display_done')

import { Recorder, type BlockOptions } from './recorder.ts'
import { surroundings, type Values } from './surroundings.ts'
import { findTrace } from './trace-parent.ts'
import { visitorOf } from './visitor.ts'

export type { BlockOptions } from './recorder.ts'
export type { Values } from './surroundings.ts'

export type RecordOptions = {
  /** URL of POST /v1/traces, or of a proxy of your own for it. */
  readonly to: string
  /** The page key of the server (DIR/page-key). Public: all it lets anybody do is send spans of pages. */
  readonly key?: string
  /** service.name; default 'browser'. */
  readonly service?: string
  /** Of all spans: a version, an experiment. */
  readonly attributes?: Values
  /** Part of the pages that are recorded, where the server did not decide; default 1. */
  readonly sample?: number
}

export type PageBlock = {
  /** For what comes after it (`after`); undefined = nothing is recorded. */
  readonly traceparent: string | undefined
  end(attributes?: Values): void
}

export type RecordedPage = {
  /** For headers of requests that the page makes; undefined = nothing is recorded. */
  readonly traceparent: string | undefined
  /** A segment of what the page does. */
  block(name: string, options?: BlockOptions): PageBlock
  /** An instant. */
  point(name: string, attributes?: Values): void
  flush(): void
  stop(): void
}

const NOTHING: RecordedPage = Object.freeze({
  traceparent: undefined,
  block: () => ({ traceparent: undefined, end() {} }),
  point() {},
  flush() {},
  stop() {},
})

/** Records this page. Never throws: where something is missing, nothing is recorded. */
export function recordPage(options: RecordOptions): RecordedPage {
  try {
    return start(options)
  } catch {
    return NOTHING
  }
}

function start(options: RecordOptions): RecordedPage {
  const here = surroundings()
  const [navigation] = here.performance?.getEntriesByType?.('navigation') ?? []
  if (navigation === undefined || here.performance === undefined || here.document === undefined)
    return NOTHING
  const meta = here.document.querySelector('meta[name="traceparent"]')?.getAttribute('content')
  const found = findTrace(navigation, meta)
  const isWanted = found?.isSampled ?? Math.random() < (options.sample ?? 1)
  if (!isWanted) return NOTHING
  const random = (bytes: number): string => {
    const filled = here.crypto?.getRandomValues(new Uint8Array(bytes)) ?? []
    return Array.from(filled, (byte) => byte.toString(16).padStart(2, '0')).join('')
  }
  const traceId = found?.traceId ?? random(16)
  const url = new URL(options.to, here.location?.href)
  if (options.key !== undefined) url.searchParams.set('key', options.key)
  const { navigator } = here
  const isOwn = url.origin === new URL(here.location?.href ?? '').origin
  const recorder = new Recorder({
    here,
    found,
    navigation,
    newId: () => random(8),
    guard,
    head: {
      traceId,
      origin: here.performance.timeOrigin,
      resource: {
        'service.name': options.service ?? 'browser',
        'service.instance.id': random(8),
        'crosscut.unit_name': 'Client',
        'telemetry.sdk.name': 'crosscut',
        'telemetry.sdk.language': 'webjs',
        ...visitorOf(here),
        ...options.attributes,
      },
    },
    to: { url: url.href, beacon: isOwn ? navigator?.sendBeacon?.bind(navigator, url.href) : undefined },
  })
  return faceOf(recorder, traceId)
}

function faceOf(recorder: Recorder, traceId: string): RecordedPage {
  const traceparentOf = (id: string): string => `00-${traceId}-${id}-01`
  return {
    traceparent: traceparentOf(recorder.ids.page),
    block(name, options = {}) {
      let id: string | undefined
      guard(() => {
        id = recorder.begin(String(name), options)
      })()
      return {
        traceparent: id === undefined ? undefined : traceparentOf(id),
        end: guard((attributes: Values = {}) => {
          if (id !== undefined) recorder.end(id, attributes)
        }),
      }
    },
    point: guard((name, attributes) => recorder.point(String(name), attributes)),
    flush: guard(() => recorder.flush()),
    stop: guard(() => recorder.stop()),
  }
}

/** What fails here fails for us alone. */
function guard<A extends readonly unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      fn(...args)
    } catch {
      // A page has nobody to tell.
    }
  }
}
