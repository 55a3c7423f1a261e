// Every reason for a drop is explained where a user looks it up, and no other is.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { DROP_REASONS, newCounts } from './counts.ts'

it('the reference explains each counter', () => {
  const page = readFileSync(new URL('../../docs/reference/carriers.md', import.meta.url), 'utf8')
  const counters = page.slice(page.indexOf('## Counters'), page.indexOf('## Patches'))
  const explained = [...counters.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, name]) => name)
  assert.deepEqual(explained.toSorted(), [...DROP_REASONS].toSorted())
  assert.deepEqual(Object.keys(newCounts()).toSorted(), explained.toSorted())
})
