// The page of the feature language for tests: its text, and the trace behind its examples.

import { readFileSync } from 'node:fs'
import { buildTrace, type LooseOtlpSpan } from '../index.ts'

export const PAGE = readFileSync(new URL('../../../docs/reference/features.md', import.meta.url), 'utf8')
const nanos = (ms: number): string => `${1_790_000_000_000 + ms}000000`

type Brief = {
  readonly id: string
  readonly up?: string
  readonly unit?: string
  readonly service: string
  readonly ms: readonly [number, number]
  readonly events?: readonly { readonly ms: number }[]
  readonly links?: readonly {
    readonly from: string
    readonly ms: readonly [number, number]
    readonly attributes: object
  }[]
}

/** The page has times in ms and links that say only what differs. */
function spanOf({ id, up, unit, service, ms, events = [], links = [], ...more }: Brief): LooseOtlpSpan {
  const traceId = 'c0'.repeat(16)
  return {
    ...more,
    traceId,
    spanId: id,
    parentSpanId: up ?? '',
    startTimeUnixNano: nanos(ms[0]),
    endTimeUnixNano: nanos(ms[1]),
    resource: {
      'service.name': service,
      'host.name': service,
      ...(unit === undefined ? {} : { 'crosscut.unit_name': unit }),
    },
    events: events.map(({ ms: at, ...event }) => ({ ...event, timeUnixNano: nanos(at) })),
    links: links.map(({ from, ms: [left, arrived], attributes }) => {
      const times = { 'crosscut.edge.from_ns': nanos(left), 'crosscut.edge.to_ns': nanos(arrived) }
      return { traceId, spanId: from, attributes: { ...attributes, ...times } }
    }),
  }
}

const [, json = '[]'] = /```json\n([\s\S]*?)```/.exec(PAGE) ?? []
export const TRACE = buildTrace((JSON.parse(json) as readonly Brief[]).map(spanOf))
