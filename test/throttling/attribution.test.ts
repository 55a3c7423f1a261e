// E14 of Retro: is what each tenant used charged to it, across three processes, pooled connections and
// batches included? Shares are right to 3 points, and at most 5 % is nobody's.

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { isTooSlow } from '../system/machine.ts'
import { attribute, RATES, sharesOf, unattributed, worstError, type Attribution } from './attribution.ts'

const TOO_SLOW = await isTooSlow()
let seen: Attribution
before(async () => {
  seen = await attribute()
})

for (const resource of ['cpu', 'db'] as const) {
  test(`${resource}: shares of three tenants over three processes, to 3 points`, () => {
    const [found, expected] = [sharesOf(seen.charged.get(resource)), sharesOf(seen.truth[resource])]
    for (const share of Object.values(expected)) assert.ok(share > 0.1, 'a tenant that counts')
    assert.ok(worstError(seen, resource) <= 0.03, JSON.stringify({ found, expected }))
  })
}

test("at most 5 % of the CPU is nobody's", { skip: TOO_SLOW }, () => {
  assert.ok(unattributed(seen) <= 0.05, JSON.stringify(seen.charged.get('cpu')))
})

test('time in a batch is divided among its members, and connections to others are told apart', () => {
  const jobs = sharesOf(seen.charged.get('jobs'))
  const total = Object.values(RATES).reduce((sum, one) => sum + one, 0)
  for (const [tenant, rate] of Object.entries(RATES))
    assert.ok(Math.abs((jobs[tenant] ?? 0) - rate / total) < 0.05, JSON.stringify(jobs))
  const outgoing = [...seen.charged.keys()].filter((name) => name.startsWith('http.client:'))
  assert.equal(outgoing.length, 2, String(outgoing))
})
