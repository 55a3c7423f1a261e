// The names of TraceQL's fields and what type each has. Attributes have the type of whatever a span brings.

import type { Field, Intrinsic, LiteralType } from './syntax.ts'

export type FieldType = 'number' | 'string' | 'status' | 'kind' | 'unknown'

export const INTRINSICS: {
  readonly [name in Intrinsic]: { readonly type: FieldType; readonly says: string }
} = {
  'span:name': { type: 'string', says: 'name of the span' },
  'span:duration': { type: 'number', says: 'its end minus its begin' },
  'span:status': { type: 'status', says: 'error, ok or unset' },
  'span:statusMessage': { type: 'string', says: 'text beside the status' },
  'span:kind': { type: 'kind', says: 'server, client, producer, consumer, internal or unspecified' },
  'span:id': { type: 'string', says: '16 hex digits' },
  'span:parentID': { type: 'string', says: '16 hex digits, as the span says; nil for a root' },
  'span:childCount': { type: 'number', says: 'children that are in the trace' },
  'trace:duration': { type: 'number', says: 'last end minus first begin' },
  'trace:rootName': { type: 'string', says: 'name of the root; nil while it is missing' },
  'trace:rootService': { type: 'string', says: 'its service; nil while it is missing' },
  'trace:id': { type: 'string', says: '32 hex digits' },
  'event:name': { type: 'string', says: 'name of any event of the span' },
  'event:timeSinceStart': { type: 'number', says: 'time of any event after the begin of the span' },
  'link:spanID': { type: 'string', says: 'span id of any link' },
  'link:traceID': { type: 'string', says: 'trace id of any link' },
  'instrumentation:name': { type: 'string', says: 'name of the scope' },
  'instrumentation:version': { type: 'string', says: 'version of the scope' },
  nestedSetLeft: { type: 'number', says: 'number of the span, counted from 1 on the way down' },
  nestedSetRight: { type: 'number', says: 'counted on the way up' },
  nestedSetParent: {
    type: 'number',
    says: 'nestedSetLeft of the parent; -1 for a root, 0 where it is missing',
  },
}

/** Names without a scope. */
const SHORT: { readonly [name: string]: Intrinsic | undefined } = {
  name: 'span:name',
  duration: 'span:duration',
  status: 'span:status',
  statusMessage: 'span:statusMessage',
  kind: 'span:kind',
  childCount: 'span:childCount',
  traceDuration: 'trace:duration',
  rootName: 'trace:rootName',
  rootServiceName: 'trace:rootService',
  nestedSetLeft: 'nestedSetLeft',
  nestedSetRight: 'nestedSetRight',
  nestedSetParent: 'nestedSetParent',
}

export const INTRINSIC_NAMES: readonly string[] = [...Object.keys(INTRINSICS), ...Object.keys(SHORT)]

export function intrinsicOf(word: string): Intrinsic | undefined {
  if (Object.hasOwn(SHORT, word)) return SHORT[word]
  return Object.hasOwn(INTRINSICS, word) && word.includes(':') ? (word as Intrinsic) : undefined
}

export function typeOfField(field: Field): FieldType {
  return field.kind === 'attribute' ? 'unknown' : INTRINSICS[field.name].type
}

export const STATUS_WORDS = ['unset', 'ok', 'error'] as const
export const KIND_WORDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const

/** `int` and its like are one type when they are compared. */
export function typeOfLiteral(type: LiteralType): FieldType | 'boolean' | 'nil' {
  return type === 'int' || type === 'float' || type === 'duration' ? 'number' : type
}
