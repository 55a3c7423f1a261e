// A service for tests that does to advice what an application can do to it: values that bite, tuples and
// groups without end, calls by the million, a loop that it blocks itself.
//
//   /take  /many/5000  /groups/10000  /texts/500  /hot/1000000  /block/300        anything else: ok

import http from 'node:http'
import { tracepoint } from '../../process/api/index.ts'

let touched = 0
const touch = () => {
  touched += 1
  throw new Error('user code ran')
}
const revoked = Proxy.revocable({}, {})
revoked.revoke()
const circle = { name: 'circle' }
circle.self = circle
const traps = {
  get: touch,
  has: touch,
  ownKeys: touch,
  getOwnPropertyDescriptor: touch,
  getPrototypeOf: touch,
}

class Secretive {
  get name() {
    return touch()
  }
}

const VALUES = {
  getter: new Secretive(),
  proxy: new Proxy({ name: 'p' }, traps),
  revoked: revoked.proxy,
  arrayProxy: new Proxy([1, 2], traps),
  toString: { name: { toString: touch, valueOf: touch, [Symbol.toPrimitive]: touch } },
  circle,
  symbol: { name: Symbol('s') },
  bigint: { name: 10n ** 400n },
  date: { name: new Date(Number.NaN) },
  nan: { name: Number.NaN },
  buffer: { name: Buffer.alloc(1_000_000) },
  deep: { name: [[[['deep']]]] },
  nothing: null,
  control: { name: '\u001b[2J\u0000\u0007\u202e' },
  surrogate: { name: '\ud800' },
  huge: { name: 'h'.repeat(1_000_000) },
  __proto__key: JSON.parse('{"name":"x","__proto__":{"name":"y"}}'),
}

export function take(value, kind) {
  return value === kind
}

export function hot(n) {
  return n + 1
}

export function work(ms) {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

/** Whole numbers that no double is exact for, and those that are. */
export function sizes(size) {
  return [size, BigInt(size) + 1n, 1]
}

const ROUTES = {
  take() {
    for (const [kind, value] of Object.entries(VALUES)) take(value, kind)
    return touched
  },
  many(count) {
    for (let i = 0; i < count; i++) tracepoint('many.packed', { key: `tuple number ${i}` })
    tracepoint('many.done', { count })
    return count
  },
  groups(count) {
    for (let i = 0; i < count; i++) tracepoint('group.hit', { key: `k${i}` })
    return count
  },
  texts(count) {
    // Keys that are cuts of texts of a megabyte each.
    for (let i = 0; i < count; i++)
      tracepoint('text.hit', { key: Buffer.alloc(1_000_000, `${i} `).latin1Slice().slice(0, 40) })
    return count
  },
  hot(count) {
    let n = 0
    for (let i = 0; i < count; i++) n = hot(n)
    return n
  },
  sizes(count) {
    return sizes(2 ** count).length
  },
  block(ms) {
    work(ms)
    return ms
  },
}

const server = http.createServer((request, response) => {
  const [, route, count] = (request.url ?? '/').split('/')
  const done = Object.hasOwn(ROUTES, route) ? ROUTES[route](Number(count)) : 'ok'
  response.end(String(done))
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
