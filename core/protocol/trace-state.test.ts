// Thresholds, randomness and weights by the examples and laws of OpenTelemetry's specification, and
// tracestates of strangers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  isCoarse,
  isFine,
  NEVER,
  probabilityOf,
  randomnessOf,
  readTraceState,
  thresholdOf,
  WEIGHT_MAX,
  weightOfState,
  writeTraceState,
  type TraceSampling,
} from './trace-state.ts'

const hex = (digits: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: digits, maxLength: digits })
    .map((all) => all.join(''))
const probability = fc.double({ min: 2 ** -56, max: 1, noNaN: true })

// From the text of the specification: 100 %, 50 %, 25 %, 1 % (to the digits it shows).
for (const [p, digits] of [
  [1, '00000000000000'],
  [0.5, '80000000000000'],
  [0.25, 'c0000000000000'],
  [2 ** -56, 'ffffffffffffff'],
] as const) {
  test(`a probability of ${p} has the threshold ${digits}`, () => assert.equal(thresholdOf(p), digits))
}

test('one percent has the threshold of the specification, fd70a4 when rounded to six digits', () => {
  assert.match(thresholdOf(0.01), /^fd70a3d7/)
})

test('nothing is kept at probability 0, below it, or at what is no number', () => {
  for (const p of [0, -1, Number.NaN]) assert.ok('f'.repeat(14) < thresholdOf(p))
  assert.equal(probabilityOf(NEVER), 0)
})

test('a threshold gives its probability back, to one part in 2^52', () => {
  fc.assert(
    fc.property(probability, (p) => {
      assert.ok(Math.abs(probabilityOf(thresholdOf(p)) - p) <= p * 2 ** -52 + 2 ** -57)
    }),
  )
})

test('texts compare as the numbers do, and a lower probability keeps only what a higher one keeps', () => {
  fc.assert(
    fc.property(hex(32), probability, probability, (traceId, a, b) => {
      const [low, high] = a < b ? [a, b] : [b, a]
      const randomness = randomnessOf(traceId)
      const keeps = (p: number): boolean => randomness >= thresholdOf(p)
      const oracle = BigInt(`0x${randomness}`) >= BigInt(`0x${thresholdOf(low)}`)
      assert.equal(keeps(low), oracle)
      assert.ok(!keeps(low) || keeps(high))
    }),
  )
})

const sampling: fc.Arbitrary<TraceSampling> = fc.record({
  threshold: probability.map(thresholdOf),
  factor: fc.double({ min: 1, max: 1e6, noNaN: true }),
  detail: fc.constantFrom('coarse' as const, 'normal' as const, 'fine' as const),
  isWanted: fc.boolean(),
})

test('what is written is read again, in a header that W3C allows', () => {
  fc.assert(
    fc.property(sampling, fc.option(hex(14), { nil: undefined }), (told, randomness) => {
      const whole = { ...told, ...(randomness === undefined ? {} : { randomness }) }
      const text = writeTraceState(whole)
      const read = readTraceState(`vendor=x,${text}`)
      assert.deepEqual({ ...read, factor: 0 }, { ...whole, factor: 0 })
      assert.ok(Math.abs(read.factor - told.factor) <= 1e-6)
      assert.equal(isCoarse(text), told.detail === 'coarse')
      assert.equal(isFine(text), told.detail === 'fine')
      for (const member of text.split(',')) assert.match(member, /^[a-z]+=[!-<>-~]{1,256}$/)
    }),
  )
})

test('nothing to say is an empty header', () => {
  assert.equal(writeTraceState({ factor: 1, detail: 'normal', isWanted: false }), '')
})

const ID = `${'0'.repeat(18)}c0000000000000`
for (const [says, traceState, weight] of [
  ['nothing', '', 1],
  ['another vendor', 'dd=s:2;o:rum,rojo=00f067aa0ba902b7', 1],
  ['a threshold', 'ot=th:8', 2],
  ['a threshold that just kept it', 'ot=th:c', 4],
  ['a threshold beside other fields', 'rojo=1, ot=p:8;th:c;xx:1 ,dd=s', 4],
  ['a threshold that cannot have kept it', 'ot=th:c00000000000001', 1],
  ['a threshold kept by its own randomness', 'ot=rv:ff000000000000;th:f', 16],
  ['a threshold, its randomness too low', 'ot=rv:01000000000000;th:8', 1],
  ['a weight beside the threshold', 'ot=th:8,crosscut=k:1;w:2.5', 5],
  ['a threshold of 15 digits', 'ot=th:800000000000000', 1],
  ['a threshold in upper case', 'ot=th:C', 1],
  ['no digits', 'ot=th:', 1],
  ['an empty member', 'ot=,=ot,ot', 1],
  ['a weight below one', 'crosscut=w:0.1', 1],
  ['a negative weight', 'crosscut=w:-5', 1],
  ['a weight in exponents', 'crosscut=w:1e30', 1],
  ['a weight beyond all', `crosscut=w:${'9'.repeat(17)}`, WEIGHT_MAX],
  ['a key like ours', 'crosscutter=w:5,xot=th:8', 1],
] as const) {
  test(`a tracestate with ${says} weighs ${weight}`, () =>
    assert.equal(weightOfState(ID, traceState), weight))
}

test('any text at all has a weight from 1 to the bound', () => {
  fc.assert(
    fc.property(
      hex(32),
      fc.oneof(
        fc.string(),
        fc.string().map((text) => `ot=${text},crosscut=${text}`),
      ),
      (id, text) => {
        const weight = weightOfState(id, text)
        assert.ok(weight >= 1 && weight <= WEIGHT_MAX)
      },
    ),
  )
})
