// The bytes of docs/formats/headers.md: they may only change together with a version.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { Baggage } from '#baggage'
import { decodeBase64Url, encodeBase64Url, toHex } from '#base'
import { fleetKey } from './fleet-key.ts'
import { bag, words } from './testing.ts'

const rows: { words: string[]; bytes: string; value: string; signed: string }[] = readFileSync(
  new URL('./golden/headers.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))

describe('the value of our member, version 1', () => {
  for (const row of rows) {
    it(`of [${row.words.join(', ')}] is as it was published`, () => {
      const bytes = bag(...row.words).encode()
      assert.equal(toHex(bytes), row.bytes)
      assert.equal(encodeBase64Url(bytes), row.value)
      assert.equal(fleetKey('fleet-key').sign(row.value), row.signed)
      assert.equal(fleetKey('fleet-key').verify(row.signed), row.value)
      assert.deepEqual(words(Baggage.decode(decodeBase64Url(row.value) ?? new Uint8Array())), row.words)
    })
  }
})
