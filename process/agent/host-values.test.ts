// Values of the host are read, and not a line of its code runs.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valueIn } from './host-values.ts'

test('a message is read without running any of its code', () => {
  const bomb = () => assert.fail('code of the host ran')
  const hostile = {
    get getter() {
      return bomb()
    },
    proxy: new Proxy({}, { get: bomb, getOwnPropertyDescriptor: bomb, has: bomb }),
    nested: { value: 'x', toString: bomb, [Symbol.toPrimitive]: bomb },
    list: [1, 2],
  }
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  assert.equal(valueIn(hostile, 'getter'), undefined)
  assert.equal(valueIn(hostile, 'proxy.any'), undefined)
  assert.equal(valueIn(hostile, 'nested'), undefined)
  assert.equal(valueIn(hostile, 'nested.value'), 'x')
  assert.equal(valueIn(hostile, 'list.1'), 2)
  assert.equal(valueIn(hostile, 'toString.name'), 'toString')
  assert.equal(valueIn(revoked, 'any'), undefined)
  for (const message of [undefined, null, 5, 'text', Symbol('s')])
    assert.equal(valueIn(message, 'a'), undefined)
})

test('a step into a list goes into each of its members', () => {
  const located = { replicas: [{ host: 'A' }, { host: 'B' }, {}], names: ['x', 'y'] }
  assert.deepEqual(valueIn(located, 'replicas.host'), ['A', 'B', null])
  assert.deepEqual(valueIn(located, 'names'), ['x', 'y'])
  assert.equal(valueIn(located, 'replicas.1.host'), 'B')
  assert.equal(valueIn(located, 'replicas.length'), 3)
  assert.equal((valueIn({ many: Array(1000).fill(1) }, 'many') as unknown[]).length, 256)
})

test('inherited data is seen, inherited getters are not', () => {
  class Base {
    get size() {
      return assert.fail('code of the host ran')
    }
  }
  class Store extends Base {}
  assert.equal(valueIn(new Store(), 'constructor.name'), 'Store')
  assert.equal(valueIn(new Store(), 'size'), undefined)
})

test('an error is its message, a date its milliseconds, whatever their own methods would say', () => {
  const error = Object.assign(new Error('no room'), { code: 'E_FULL', toString: () => assert.fail() })
  assert.equal(valueIn({ error }, 'error'), 'no room')
  assert.equal(valueIn({ error }, 'error.code'), 'E_FULL')
  assert.equal(valueIn({ at: new Date(5) }, 'at'), 5)
})
