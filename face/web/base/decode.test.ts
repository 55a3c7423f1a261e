// What enters from the server is checked, member by member.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DecodeError,
  array,
  hexId,
  nanos,
  number,
  object,
  oneOf,
  optional,
  record,
  string,
} from './decode.ts'

const point = object({
  id: hexId,
  at: nanos,
  kind: oneOf('a', 'b'),
  tags: record(string),
  note: optional(string),
  list: array(number),
})
const good = { id: '0af7', at: '-12', kind: 'b', tags: { __proto__x: 'y' }, list: [1, 2], later: 'ignored' }

test('what has the shape passes, members that came later are left out', () => {
  assert.deepEqual(
    { ...point(good, 'p') },
    {
      id: '0af7',
      at: '-12',
      kind: 'b',
      tags: Object.assign(Object.create(null), { __proto__x: 'y' }),
      note: undefined,
      list: [1, 2],
    },
  )
})

test('what has not is named with its place', () => {
  const bad: readonly (readonly [unknown, RegExp])[] = [
    [null, /object at p$/],
    [[], /object at p$/],
    [{ ...good, id: 'XYZ' }, /hex id at p\.id/],
    [{ ...good, id: '../../x' }, /hex id/],
    [{ ...good, at: 12 }, /decimal string at p\.at/],
    [{ ...good, at: '1e9' }, /decimal/],
    [{ ...good, kind: 'c' }, /a \| b at p\.kind/],
    [{ ...good, tags: { k: 1 } }, /string at p\.tags/],
    [{ ...good, list: [1, '2'] }, /number at p\.list\[1\]/],
    [{ ...good, note: 7 }, /string at p\.note/],
  ]
  for (const [value, message] of bad)
    assert.throws(
      () => point(value, 'p'),
      (error) => error instanceof DecodeError && message.test(error.message),
    )
})

test('a key named __proto__ is a key', () => {
  const read = record(string)(JSON.parse('{"__proto__":"x","constructor":"y"}'), 'r')
  assert.deepEqual(Object.keys(read), ['__proto__', 'constructor'])
  assert.equal(Object.getPrototypeOf(read), null)
  assert.equal(Object.hasOwn(Object.prototype, 'x'), false)
})
