// Attributes as one line of JSON, lossless, for what the tables keep as text: resources, scopes, attributes
// of events and links, and the values that no typed map holds.
//
//   string  "text"          bool  true          double  {"double":1.5} or {"double":"NaN"}
//   int     {"int":"42"}    bytes {"bytes":"AQI="}    empty null
//   array   {"array":[{"stringValue":"a"}]}    kvlist {"kvlist":[{"key":"k","value":{"intValue":"1"}}]}
//
// A key with its string value is written exactly as JSON.stringify writes it, without spaces: so a search
// finds `"host.name":"A"` by position() and can not be fooled from inside a string, where each quote carries
// a backslash.

import type { AttributeValue, Attributes } from '#protocol'
import { VALUE_TYPES, type AttributeColumns, type StringTable } from './span-batch.ts'

/** Entry j of the columns as JSON text. */
export function valueText(columns: AttributeColumns, strings: StringTable, j: number): string {
  const word = columns.words[2 * j] ?? 0
  switch (columns.types[j]) {
    case VALUE_TYPES.string:
      return JSON.stringify(strings.text(word))
    case VALUE_TYPES.bool:
      return word === 1 ? 'true' : 'false'
    case VALUE_TYPES.int:
      return `{"int":"${columns.ints[j]}"}`
    case VALUE_TYPES.double:
      return `{"double":${doubleText(columns.doubles[j] ?? 0)}}`
    case VALUE_TYPES.bytes:
      return `{"bytes":"${Buffer.from(strings.slice(word)).toString('base64')}"}`
    case VALUE_TYPES.array:
      return `{"array":${strings.text(word) || '[]'}}`
    case VALUE_TYPES.kvlist:
      return `{"kvlist":${strings.text(word) || '[]'}}`
    default:
      return 'null'
  }
}

/** JSON has no NaN, infinities or negative zero. */
function doubleText(value: number): string {
  return Number.isFinite(value) && !Object.is(value, -0)
    ? String(value)
    : `"${Object.is(value, -0) ? '-0' : value}"`
}

/** All entries of one row as one JSON object. */
export function attributesText(columns: AttributeColumns, strings: StringTable, row: number): string {
  const from = columns.offsets[row] ?? 0
  const to = columns.offsets[row + 1] ?? from
  if (from === to) return '{}'
  let text = '{'
  for (let j = from; j < to; j++) {
    if (j > from) text += ','
    text += `${JSON.stringify(strings.text(columns.keys[j] ?? 0))}:${valueText(columns, strings, j)}`
  }
  return `${text}}`
}

/** What a filter `key = text` may look like in such a line: as string, whole number or bool. */
export function searchFragments(key: string, text: string): string[] {
  const name = JSON.stringify(key)
  const fragments = [`${name}:${JSON.stringify(text)}`]
  if (/^-?\d{1,19}$/.test(text)) fragments.push(`${name}:{"int":"${text}"}`)
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) fragments.push(`${name}:{"double":${Number(text)}}`)
  if (text === 'true' || text === 'false') fragments.push(`${name}:${text}`)
  return fragments
}

/**
 * Back to the plain form of the API: integers beyond 2^53 and bytes are strings. Errors: none; damage reads
 * as text.
 */
export const parseAttributes = (text: string): Attributes =>
  text === '{}' || text === '' ? {} : plainAttributes(parseObject(text))

/** The same of the line as JSON has read it. */
export const plainAttributes = (parsed: { readonly [key: string]: unknown }): Attributes =>
  Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, plainValue(value)]))

/** One value as written by valueText. */
export function parseValue(text: string): AttributeValue {
  return plainValue(parseObject(`{"v":${text}}`)['v'])
}

export function parseObject(
  text: string,
  reviver?: (key: string, value: unknown) => unknown,
): { readonly [key: string]: unknown } {
  try {
    const parsed: unknown = JSON.parse(text, reviver)
    return isObject(parsed) ? parsed : {}
  } catch {
    return { 'crosscut.unreadable': text }
  }
}

export function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** 64-bit text to a number where that is exact. */
export function exactInteger(text: string): number | string {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : text
}

function plainValue(value: unknown): AttributeValue {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (!isObject(value)) return null
  if (typeof value['int'] === 'string') return exactInteger(value['int'])
  if (typeof value['double'] === 'number' || typeof value['double'] === 'string')
    return doubleOf(value['double'])
  if (typeof value['bytes'] === 'string') return value['bytes']
  if (Array.isArray(value['array'])) return value['array'].map(anyValue)
  if (Array.isArray(value['kvlist'])) return kvlistValue(value['kvlist'])
  return null
}

/** NaN and infinities stay text: JSON answers can not carry them. */
function doubleOf(value: number | string): number | string {
  return value === '-0' ? -0 : value
}

/** An AnyValue of OTLP/JSON. */
function anyValue(value: unknown): AttributeValue {
  if (!isObject(value)) return null
  const { stringValue, boolValue, intValue, doubleValue, bytesValue, arrayValue, kvlistValue: kvlist } = value
  if (typeof stringValue === 'string') return stringValue
  if (typeof boolValue === 'boolean') return boolValue
  if (typeof intValue === 'string') return exactInteger(intValue)
  if (typeof intValue === 'number') return intValue
  if (typeof doubleValue === 'number' || typeof doubleValue === 'string') return doubleValue
  if (typeof bytesValue === 'string') return bytesValue
  if (isObject(arrayValue))
    return Array.isArray(arrayValue['values']) ? arrayValue['values'].map(anyValue) : []
  if (isObject(kvlist)) return Array.isArray(kvlist['values']) ? kvlistValue(kvlist['values']) : {}
  return null
}

function kvlistValue(entries: readonly unknown[]): AttributeValue {
  const pairs: [string, AttributeValue][] = []
  for (const entry of entries) {
    if (isObject(entry) && typeof entry['key'] === 'string')
      pairs.push([entry['key'], anyValue(entry['value'])])
  }
  return Object.fromEntries(pairs)
}
