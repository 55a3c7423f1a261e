// The questions of the tutorial are those of the library, to the letter: test/queries/paper.test.ts asks them
// of the demo with the bug and without it, and holds the rows to what the tutorial says of them.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { LIBRARY } from '#query'
import { ROOT } from '../../scripts/toolchain.mjs'

const TUTORIAL = readFileSync(path.join(ROOT, 'docs', 'tutorial-asking.md'), 'utf8')

test('each question of the tutorial is one of the library', () => {
  const asked = [...TUTORIAL.matchAll(/```query (\w+)\n([\s\S]*?)```/g)]
  assert.deepEqual(
    asked.map(([, id]) => id),
    ['Q3', 'Q4', 'Q5', 'Q6', 'Q7'],
  )
  for (const [, id, text] of asked)
    assert.equal(text.replaceAll(/^ {3}/gm, '').trim(), LIBRARY.find((one) => one.id === id)?.text, id)
})
