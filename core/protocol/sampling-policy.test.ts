// Policies as strangers send them: what is understood, and the sentence about what is not.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readSamplingPolicy, RESTRAINTS_MAX, SAMPLING_TEXT_MAX } from './sampling-policy.ts'

const GOOD = { name: 'slow-cart', owner: 'cart', strategy: { probability: 0.1 } }
const wrong = (json: unknown): string | undefined => {
  const read = readSamplingPolicy(json)
  return 'wrong' in read ? read.wrong : undefined
}

test('a policy is read with its defaults, and reading what was read changes nothing', () => {
  const read = readSamplingPolicy({
    ...GOOD,
    strategy: { ratePerSecond: 5 },
    restraints: [
      { attribute: 'mark', equals: 'retry' },
      { attribute: 'http.route', glob: '/cart/*' },
    ],
  })
  assert.ok('policy' in read)
  assert.deepEqual(read.policy, {
    name: 'slow-cart',
    owner: 'cart',
    strategy: { kind: 'rate', perSecond: 5 },
    restraints: [
      { attribute: 'mark', test: 'equals', value: 'retry' },
      { attribute: 'http.route', test: 'glob', value: '/cart/*' },
    ],
    levelOfDetail: 'normal',
  })
  assert.deepEqual(readSamplingPolicy(JSON.parse(JSON.stringify(read.policy))), read)
})

const restraint = { attribute: 'tenant', equals: 'x' }
for (const [change, says] of [
  [{ name: '' }, /^name must/],
  [{ name: 'a/b' }, /^name must/],
  [{ name: 'a'.repeat(65) }, /^name must/],
  [{ owner: undefined }, /^owner must/],
  [{ owner: 'o'.repeat(SAMPLING_TEXT_MAX + 1) }, /^owner must/],
  [{ strategy: undefined }, /^strategy must be an object/],
  [{ strategy: {} }, /either probability or ratePerSecond/],
  [{ strategy: { probability: 0.5, ratePerSecond: 1 } }, /either probability or ratePerSecond/],
  [{ strategy: { probability: 1.0001 } }, /from 0 to 1/],
  [{ strategy: { probability: -0.1 } }, /from 0 to 1/],
  [{ strategy: { probability: '0.5' } }, /from 0 to 1/],
  [{ strategy: { ratePerSecond: 0 } }, /above 0/],
  [{ strategy: { ratePerSecond: 1_000_001 } }, /above 0/],
  [{ levelOfDetail: 'finest' }, /coarse, normal, fine/],
  [{ endsMs: 1.5 }, /^endsMs must/],
  [{ restraints: 'all' }, /^restraints must/],
  [{ restraints: Array.from({ length: RESTRAINTS_MAX + 1 }, () => restraint) }, /at most 8/],
  [{ restraints: [{ attribute: 'colour', equals: 'red' }] }, /a restraint is on/],
  [{ restraints: [{ attribute: 'tenant' }] }, /either equals or glob/],
  [{ restraints: [{ attribute: 'tenant', equals: 'a', glob: 'b' }] }, /either equals or glob/],
  [{ restraints: [{ attribute: 'tenant', equals: '' }] }, /equals of a restraint must/],
] as const) {
  test(`a policy with ${JSON.stringify(change).slice(0, 70)} is refused with a sentence`, () => {
    assert.match(wrong({ ...GOOD, ...change }) ?? 'accepted', says)
  })
}

test('the last accepted: 64 characters of a name, 256 of a text, 8 restraints, probability 0 and 1', () => {
  for (const change of [
    { name: 'a'.repeat(64) },
    { owner: 'o'.repeat(SAMPLING_TEXT_MAX) },
    { restraints: Array.from({ length: RESTRAINTS_MAX }, () => restraint) },
    { strategy: { probability: 0 } },
    { strategy: { probability: 1 } },
    { strategy: { ratePerSecond: 1_000_000 } },
  ])
    assert.equal(wrong({ ...GOOD, ...change }), undefined)
})

test('whatever it is, it is read or refused', () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), (json, strategy) => {
      readSamplingPolicy(json)
      readSamplingPolicy({ ...GOOD, strategy, restraints: [json] })
    }),
  )
})
