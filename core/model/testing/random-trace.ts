// Random traces for property tests, from wild to tame: any parent (missing, cyclic), any times, any edges
// between any points; causal ones, where nothing begins before its parent and edges leave while their source
// runs; and trees without edges whose children lie inside their parents.

import fc from 'fast-check'
import type { OtlpLink, OtlpSpan, OtlpSpanKind } from '../index.ts'

export const EPOCH = 1_790_000_000_000_000_000n
const TRACE = '0123456789abcdef0123456789abcdef'

export type Brief = {
  readonly id: string
  readonly up?: string
  readonly at: number
  readonly to: number
  readonly service?: string
  readonly name?: string
  readonly kind?: OtlpSpanKind
  readonly links?: readonly OtlpLink[]
  readonly trace?: string
}

export function span({ id, up, at, to, service = 'svc', kind = 1, links = [], ...more }: Brief): OtlpSpan {
  return {
    traceId: more.trace ?? TRACE,
    spanId: id,
    parentSpanId: up,
    name: more.name ?? `op-${id}`,
    kind,
    links,
    events: [],
    attributes: {},
    startTimeUnixNano: EPOCH + BigInt(at),
    endTimeUnixNano: EPOCH + BigInt(to),
    status: { code: 0 },
    resource: { attributes: { 'service.name': service, 'host.name': 'one' } },
    scope: { name: 'test' },
  }
}

export function edge(spanId: string, kind: string, times: { from?: number; to?: number } = {}): OtlpLink {
  const attributes: Record<string, string> = { 'crosscut.edge': kind }
  if (times.from !== undefined) attributes['crosscut.edge.from_ns'] = String(EPOCH + BigInt(times.from))
  if (times.to !== undefined) attributes['crosscut.edge.to_ns'] = String(EPOCH + BigInt(times.to))
  return { traceId: TRACE, spanId, attributes }
}

const point = fc.option(fc.integer({ min: -5, max: 90 }), { nil: undefined })

export const anyTrace: fc.Arbitrary<OtlpSpan[]> = fc
  .array(
    fc.record({
      up: fc.integer({ min: -2, max: 11 }),
      at: fc.integer({ min: 0, max: 60 }),
      length: fc.integer({ min: 0, max: 60 }),
      service: fc.constantFrom('a', 'b', 'c'),
      name: fc.constantFrom('x', 'y'),
      kind: fc.constantFrom<OtlpSpanKind>(1, 2, 3, 4, 5),
      links: fc.array(
        fc.record({
          to: fc.nat(11),
          kind: fc.constantFrom('join', 'barrier', 'queue', 'link'),
          from: point,
          until: point,
        }),
        { maxLength: 2 },
      ),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((briefs) =>
    briefs.map(({ up, at, length, links, ...rest }, index) =>
      span({
        ...rest,
        id: `s${index}`,
        up: up < 0 || index === 0 ? undefined : `s${up}`,
        at,
        to: at + length,
        links: links.map(({ to, kind, from, until }) => edge(`s${to}`, kind, { from, to: until })),
      }),
    ),
  )

/** Children may begin after their parent's end and outlast it; edges arrive anywhere after they left. */
export const causalTrace: fc.Arbitrary<OtlpSpan[]> = fc
  .array(
    fc.record({
      up: fc.integer({ min: -1, max: 11 }),
      after: fc.integer({ min: 0, max: 25 }),
      length: fc.integer({ min: 0, max: 60 }),
      service: fc.constantFrom('a', 'b', 'c'),
      name: fc.constantFrom('x', 'y'),
      kind: fc.constantFrom<OtlpSpanKind>(1, 2, 3, 4, 5),
      links: fc.array(
        fc.record({
          to: fc.nat(11),
          kind: fc.constantFrom('join', 'barrier', 'queue', 'link'),
          left: fc.double({ min: 0, max: 1, noNaN: true }),
          until: point,
        }),
        { maxLength: 2 },
      ),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((briefs) => {
    const placed: { at: number; to: number; up: number }[] = []
    for (const [index, { up, after, length }] of briefs.entries()) {
      const above = up < 0 || index === 0 ? -1 : up % index
      const at = (placed[above]?.at ?? (index === 0 ? 0 : 20)) + after
      placed.push({ at, to: at + length, up: above })
    }
    return briefs.map(({ links, service, name, kind }, index) => {
      const { at, to, up } = placed[index]
      return span({
        ...{ id: `s${index}`, at, to, service, name, kind },
        up: up < 0 ? undefined : `s${up}`,
        links: links.map((link) => {
          const source = placed[link.to % briefs.length]
          const from = source.at + Math.floor((source.to - source.at) * link.left)
          return edge(`s${link.to % briefs.length}`, link.kind, { from, to: link.until })
        }),
      })
    })
  })

/** Each span lies inside its parent, which is one of those before it. */
export const tidyTrace: fc.Arbitrary<OtlpSpan[]> = fc
  .array(
    fc.record({
      up: fc.nat(20),
      at: fc.double({ min: 0, max: 0.95, noNaN: true }),
      length: fc.double({ min: 0.02, max: 1, noNaN: true }),
      service: fc.constantFrom('a', 'b', 'c'),
      name: fc.constantFrom('x', 'y', 'z'),
    }),
    { maxLength: 14 },
  )
  .map((briefs) => {
    const made: { at: number; to: number }[] = [{ at: 0, to: 10_000 }]
    const spans = [span({ id: 's0', at: 0, to: 10_000, service: 'root', name: 'all' })]
    for (const { up, at, length, service, name } of briefs) {
      const above = up % made.length
      const { at: low, to: high } = made[above]
      const begin = low + Math.floor((high - low) * at)
      const end = begin + Math.max(0, Math.floor((high - begin) * length))
      const id = `s${made.push({ at: begin, to: end }) - 1}`
      spans.push(span({ id, up: `s${above}`, at: begin, to: end, service, name }))
    }
    return spans
  })
