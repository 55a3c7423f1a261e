// What can be read off an element: times, labels, counters, and the fields that conditions name
// (`Filter(service = "gateway")`).

import { TRACE_ATTRIBUTES, type AttributeValue } from '#protocol'
import { ownAttribute, counterNamed, labelsOf, messagesOf, setOf, stacksOf } from '../annotations.ts'
import type { ElementItem, Value } from './program.ts'
import type { TraceIndex } from './trace-index.ts'
import { conversion, one, type Type } from './types.ts'

type Read<T = Value> = (index: TraceIndex, element: number) => T
type Reads<T = Value> = Readonly<Partial<Record<ElementItem, Read<T>>>>

/** ns. */
export const TIMES: Readonly<Record<'Duration' | 'Timestamp' | 'EndTimestamp' | 'ExclusiveDuration', Reads>> =
  {
    Duration: {
      trace: (index) => index.duration,
      unit: (index, unit) => index.unitEnd(unit) - index.unitStart(unit),
      block: (index, block) => index.end[block] - index.start[block],
      edge: (index, edge) => {
        const start = index.edgeStart(edge)
        return start === undefined ? null : index.edgeEnd(edge) - start
      },
      section: ({ sections }, section) => sections[section].end - sections[section].start,
      path: ({ paths }, path) => paths[path].end - paths[path].start,
    },
    Timestamp: {
      trace: () => 0,
      unit: (index, unit) => index.unitStart(unit),
      block: (index, block) => index.start[block],
      point: (index, point) => index.pointTime(point),
      edge: (index, edge) => index.edgeStart(edge) ?? null,
      section: ({ sections }, section) => sections[section].start,
      path: ({ paths }, path) => paths[path].start,
    },
    EndTimestamp: {
      trace: (index) => index.duration,
      unit: (index, unit) => index.unitEnd(unit),
      block: (index, block) => index.end[block],
      edge: (index, edge) => index.edgeEnd(edge),
      section: ({ sections }, section) => sections[section].end,
      path: ({ paths }, path) => paths[path].end,
    },
    ExclusiveDuration: { block: (index, block) => index.exclusive(block) },
  }

/**
 * Elements that have attributes of their own; a trace has those of its root, a section those of its block.
 */
export const LABELLED: ReadonlySet<string> = new Set(['trace', 'unit', 'block', 'point', 'edge', 'section'])
export const COUNTED: ReadonlySet<string> = new Set(['block', 'point', 'edge'])

export function attributeOf(
  index: TraceIndex,
  item: ElementItem,
  element: number,
  key: string,
): AttributeValue | undefined {
  switch (item) {
    case 'trace':
      return index.trace.root === -1 ? undefined : index.attribute('block', index.trace.root, key)
    case 'section':
      return index.attribute('block', index.sections[element].block, key)
    case 'path':
      return undefined
    default:
      return index.attribute(item, element, key)
  }
}

/**
 * `unit`: what the column is of; a counter told in another unit of its kind is converted, else it is null.
 */
export function counterReader(
  item: 'block' | 'point' | 'edge',
  name: string,
  unit?: string,
): Read<number | null> {
  const read = counterNamed(name)
  return (index, element) => {
    const counter = read(index.attributesOf(item, element))
    if (counter === undefined) return null
    if (unit === undefined || counter.unit === undefined) return counter.value
    return conversion(counter.unit, unit)?.(counter.value) ?? null
  }
}

/** Lists of texts. */
export const LISTS: Readonly<
  Record<string, (index: TraceIndex, item: 'block' | 'point' | 'edge', element: number) => readonly string[]>
> = {
  Labels: (index, item, element) => labelsOf(index.attributesOf(item, element)),
  Stacks: (index, item, element) => stacksOf(index.attributesOf(item, element)),
  Messages: (index, item, element) => {
    const own = messagesOf(index.attributesOf(item, element))
    const status = item === 'block' ? index.trace.blocks[element].span.status.message : undefined
    return status === undefined || status === '' ? own : [status, ...own]
  },
}

export const setReader =
  (name: string) =>
  (index: TraceIndex, item: 'block' | 'point' | 'edge', element: number): readonly string[] =>
    setOf(index.attributesOf(item, element), name)

export type Field = { readonly type: Type; readonly says: string; readonly read: Read }

const STATUS = ['unset', 'ok', 'error'] as const

const blockFields = (blockOf: (index: TraceIndex, element: number) => number): Record<string, Field> => {
  const field = (type: Type, says: string, read: Read): Field => ({
    type,
    says,
    read: (index, element) => {
      const block = blockOf(index, element)
      return block === -1 ? null : read(index, block)
    },
  })
  return {
    name: field(one('string'), 'the name of its span', ({ trace }, block) => trace.blocks[block].name),
    service: field(one('string'), 'its service.name', ({ trace }, block) => trace.blocks[block].service),
    host: field(
      one('string'),
      'whose clock it was timed by',
      ({ trace }, block) => trace.units[trace.blocks[block].unit].host,
    ),
    kind: field(
      one('string'),
      'internal, server, client, producer or consumer',
      ({ trace }, block) => trace.blocks[block].kind,
    ),
    callee: field(
      one('string'),
      'whom it called: the service that answered, else what its attributes say of one that told nothing',
      (index, block) => index.callee(block) ?? null,
    ),
    status: field(
      one('string'),
      'unset, ok or error',
      ({ trace }, block) => STATUS[trace.blocks[block].span.status.code] ?? 'unset',
    ),
    error: field(
      one('boolean'),
      'whether its status is error',
      ({ trace }, block) => trace.blocks[block].span.status.code === 2,
    ),
    depth: field(one('number'), 'how many ancestors it has', ({ trace }, block) => trace.blocks[block].depth),
    id: field(one('string'), 'the id of its span', ({ trace }, block) => trace.blocks[block].spanId),
  }
}

const duration = (item: ElementItem): Field => ({
  type: one('number', 'ns'),
  says: 'how long it took',
  read: TIMES.Duration[item] ?? (() => null),
})

const itself = (_: TraceIndex, block: number): number => block
const rootOf = ({ trace }: TraceIndex): number => trace.root
const sectionBlock = ({ sections }: TraceIndex, section: number): number => sections[section].block
const pointBlock = (index: TraceIndex, point: number): number => index.pointBlock(point)
const text = (value: AttributeValue | undefined): string | null => (typeof value === 'string' ? value : null)

function traceFields(): Record<string, Field> {
  const { name, service } = blockFields(rootOf)
  const count = (says: string, read: Read): Field => ({ type: one('number'), says, read })
  return {
    name,
    service,
    duration: duration('trace'),
    id: { type: one('string'), says: 'the trace id', read: ({ trace }) => trace.traceId },
    blocks: count('how many blocks it has', (index) => index.blockCount),
    errors: count(
      'how many blocks have status error',
      ({ trace }) => trace.blocks.filter(({ span }) => span.status.code === 2).length,
    ),
    repairs: count('how much the model had to repair', ({ trace }) => trace.repairCount),
  }
}

function unitFields(): Record<string, Field> {
  const { service, host } = blockFields(({ trace }, unit) => trace.units[unit].entry)
  return {
    name: {
      type: one('string'),
      says: 'its name: the service, or what it calls itself',
      read: ({ trace }, unit) => trace.units[unit].name,
    },
    service,
    host,
    duration: duration('unit'),
  }
}

function pointFields(): Record<string, Field> {
  const { service, host } = blockFields(pointBlock)
  return {
    name: {
      type: one('string'),
      says: 'begin, end, or the name of its event',
      read: (index, point) => index.pointName(point),
    },
    marker: {
      type: one('string'),
      says: 'the marker of its event, else the name of it',
      read: (index, point) =>
        index.pointSide(point) === 'event'
          ? (text(index.attribute('point', point, 'marker')) ?? index.pointName(point))
          : null,
    },
    service,
    host,
  }
}

function edgeFields(): Record<string, Field> {
  const kind: Field = {
    type: one('string'),
    says: 'join, barrier, queue, lock, async, resource or link',
    read: (index, edge) => index.edgeKind(edge),
  }
  const { service } = blockFields((index, edge) => index.edgeTarget(edge))
  return {
    name: {
      type: one('string'),
      says: 'which lock, queue or resource (crosscut.edge.name), else the kind',
      read: (index, edge) =>
        text(ownAttribute(index.edgeAttributes(edge), TRACE_ATTRIBUTES.edgeName)) ?? index.edgeKind(edge),
    },
    kind,
    type: {
      ...kind,
      says: 'the attribute type, else the kind',
      read: (index, edge) => text(ownAttribute(index.edgeAttributes(edge), 'type')) ?? index.edgeKind(edge),
    },
    service,
    duration: duration('edge'),
  }
}

/** What a name without a capital means, by element; any other is an attribute. */
export const FIELDS: Readonly<Record<ElementItem, Readonly<Record<string, Field>>>> = {
  trace: traceFields(),
  unit: unitFields(),
  block: { ...blockFields(itself), duration: duration('block') },
  point: pointFields(),
  edge: edgeFields(),
  section: {
    ...blockFields(sectionBlock),
    duration: duration('section'),
    waited: {
      type: one('string'),
      says: 'which kind of edge was waited for; absent: the block itself ran',
      read: ({ sections }, section) => sections[section].waitedFor ?? null,
    },
  },
  path: { duration: duration('path') },
}
