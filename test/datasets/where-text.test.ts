// What the page writes as conditions, the server reads as the same: any name, any value.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DatasetWhere } from '#protocol'
import { parseWhere } from '#traces'
import {
  condition,
  readCondition,
  valueIs,
  valueIsNot,
  withCondition,
} from '../../face/web/views/explore/where.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    "'",
    '\\',
    "\\'",
    '`',
    'and',
    'NOT',
    '0',
    '',
    ' ',
    '{"a":1}',
    '\u202e',
    '\0',
    "' or 1=1 --",
  ),
)
const name = text.filter((one) => one !== '')
/** Without -0, which is 0. */
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0)
const value = fc.oneof(text, fc.boolean(), number)

function read(written: string): DatasetWhere {
  const where = readCondition(written)
  if (typeof where !== 'string') return where
  const parsed = parseWhere(where)
  assert.ok('where' in parsed, `${written}: ${'diagnostic' in parsed ? parsed.diagnostic.message : ''}`)
  return parsed.where
}

test('a value and what it is not', () => {
  fc.assert(
    fc.property(name, value, (column, wanted) => {
      assert.deepEqual(read(valueIs(column, wanted)), { column, op: '=', value: wanted })
      assert.deepEqual(read(valueIsNot(column, wanted)), { column, op: '!=', value: wanted })
      assert.deepEqual(read(valueIs(column, null)), { not: { column, op: 'exists' } })
      assert.deepEqual(read(valueIsNot(column, null)), { column, op: 'exists' })
    }),
  )
})

test('every order', () => {
  for (const op of ['<', '<=', '>', '>=', 'contains'] as const)
    fc.assert(
      fc.property(name, value, (column, wanted) => {
        assert.deepEqual(read(condition(column, op, wanted)), { column, op, value: wanted })
      }),
    )
})

test('a condition is there once', () => {
  assert.deepEqual(withCondition(['a = 1'], 'a = 1'), ['a = 1'])
})
