// What a query may ask of the spans of one trace, by block. Times are as exported: a search and the list of
// traces agree, whatever the clocks of hosts.
//
// Where a span is missing its children are the roots of fragments of their own: relations within a fragment
// hold, relations across the gap are not claimed. Children of one missing span are siblings: their parent's
// id says so.

import type { AttributeValue } from '#protocol'
import type { Block, Trace } from '../trace.ts'
import type { AttributeScope, Field, Intrinsic } from './syntax.ts'
import { isMany, isNil, valueOf, type Value, type Values } from './values.ts'

export class TraceFields {
  readonly blocks: readonly Block[]
  readonly #intrinsics: { readonly [name in Intrinsic]: (block: Block) => Values }
  #children: Int32Array | undefined
  #nested: { readonly left: Int32Array; readonly right: Int32Array } | undefined
  #durationNs: number | undefined

  constructor(trace: Trace) {
    this.blocks = trace.blocks
    const root = trace.hasRoot ? trace.blocks[trace.root] : undefined
    this.#intrinsics = {
      'span:name': ({ name }) => name,
      'span:duration': ({ span }) => durationNs(span.startTimeUnixNano, span.endTimeUnixNano),
      'span:status': ({ span }) => STATUS[span.status.code],
      'span:statusMessage': ({ span }) => span.status.message ?? '',
      'span:kind': ({ kind }) => kind,
      'span:id': ({ spanId }) => spanId,
      'span:parentID': ({ span }) => parentId(span.parentSpanId),
      'span:childCount': ({ index }) => this.children[index],
      'trace:duration': () => this.durationNs,
      'trace:rootName': () => root?.name,
      'trace:rootService': () => root?.service,
      'trace:id': () => trace.traceId,
      'event:name': ({ span }) => many(span.events.map(({ name }) => name)),
      'event:timeSinceStart': ({ span }) =>
        many(span.events.map(({ timeUnixNano }) => Number(timeUnixNano - span.startTimeUnixNano))),
      'link:spanID': ({ span }) => many(span.links.map(({ spanId }) => spanId)),
      'link:traceID': ({ span }) => many(span.links.map(({ traceId }) => traceId)),
      'instrumentation:name': ({ span }) => span.scope.name,
      'instrumentation:version': ({ span }) => span.scope.version ?? '',
      nestedSetLeft: ({ index }) => this.#nestedSet().left[index],
      nestedSetRight: ({ index }) => this.#nestedSet().right[index],
      nestedSetParent: (block) => this.#nestedParent(block),
    }
  }

  /** A function from a block to the values of a field there. */
  reader(field: Field): (block: Block) => Values {
    if (field.kind === 'intrinsic') return this.#intrinsics[field.name]
    const { name } = field
    return ATTRIBUTES[field.scope](name)
  }

  get durationNs(): number {
    if (this.#durationNs === undefined) {
      let [begin, end] = [MAX_NS, 0n]
      for (const { span } of this.blocks) {
        if (span.startTimeUnixNano < begin) begin = span.startTimeUnixNano
        if (span.endTimeUnixNano > end) end = span.endTimeUnixNano
      }
      this.#durationNs = durationNs(begin, end)
    }
    return this.#durationNs
  }

  get children(): Int32Array {
    if (this.#children === undefined) {
      const counts = new Int32Array(this.blocks.length)
      for (const { parent } of this.blocks) if (parent !== -1) counts[parent]!++
      this.#children = counts
    }
    return this.#children
  }

  /** Spans with the same are siblings; undefined = a root, which has none. */
  siblingKey({ parent, span }: Block): number | string | undefined {
    return parent === -1 ? parentId(span.parentSpanId) : parent
  }

  /** Blocks come depth first, so the way down is their order, and the way up is what the depth says. */
  #nestedSet(): { readonly left: Int32Array; readonly right: Int32Array } {
    if (this.#nested !== undefined) return this.#nested
    const left = new Int32Array(this.blocks.length)
    const right = new Int32Array(this.blocks.length)
    const open: number[] = []
    let count = 0
    for (const { index, depth } of this.blocks) {
      while (open.length > depth) right[open.pop()!] = ++count
      left[index] = ++count
      open.push(index)
    }
    while (open.length > 0) right[open.pop()!] = ++count
    this.#nested = { left, right }
    return this.#nested
  }

  #nestedParent({ parent, span }: Block): number {
    if (parent !== -1) return this.#nestedSet().left[parent]!
    return parentId(span.parentSpanId) === undefined ? -1 : 0
  }
}

const MAX_NS = 0xffff_ffff_ffff_ffffn
const STATUS = ['unset', 'ok', 'error'] as const

const durationNs = (begin: bigint, end: bigint): number => (end > begin ? Number(end - begin) : 0)

const parentId = (id: string | undefined): string | undefined =>
  id === undefined || id === '' ? undefined : id

type Attributes = { readonly [key: string]: AttributeValue } | undefined

/** Own members only: an attribute may be called constructor. */
const own = (attributes: Attributes, name: string): Values =>
  attributes !== undefined && Object.hasOwn(attributes, name) ? valueOf(attributes[name]) : undefined

/** undefined where none has it. */
function ofAll(all: readonly { readonly attributes: Attributes }[], name: string): Values {
  const values = all.flatMap(({ attributes }): readonly Value[] => {
    const value = own(attributes, name)
    return isMany(value) ? value : value === undefined ? [] : [value]
  })
  return many(values)
}

const many = (values: readonly Value[]): Values => (values.length === 0 ? undefined : values)

const ATTRIBUTES: { readonly [scope in AttributeScope]: (name: string) => (block: Block) => Values } = {
  any:
    (name) =>
    ({ span }) => {
      const value = own(span.attributes, name)
      return isNil(value) ? own(span.resource.attributes, name) : value
    },
  span:
    (name) =>
    ({ span }) =>
      own(span.attributes, name),
  resource:
    (name) =>
    ({ span }) =>
      own(span.resource.attributes, name),
  instrumentation:
    (name) =>
    ({ span }) =>
      own(span.scope.attributes, name),
  event:
    (name) =>
    ({ span }) =>
      ofAll(span.events, name),
  link:
    (name) =>
    ({ span }) =>
      ofAll(span.links, name),
}
