// Rows of queries as JSON, which has no bigint: whole numbers beyond 2^53 (times in ns, windows) are their
// digits, in lists too.

import type { Value } from '#advice'
import type { ResultRow } from '#protocol'
import type { Row } from '#query'

export function rowToJson(row: Row): ResultRow {
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, toJson(value)]))
}

function toJson(value: Value): unknown {
  if (typeof value === 'bigint') return value.toString()
  return Array.isArray(value) ? value.map(toJson) : value
}
