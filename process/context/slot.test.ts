// Two copies of the module in one process, as tarballs and bundles bring about, share one runtime.
/* oxlint-disable unicorn/no-unnecessary-await -- an await of nothing is a turn */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Baggage } from '#baggage'
import { seen, words } from './oracle/labels.ts'
import { context } from './public.ts'
import { runtime } from './slot.ts'

test('a second copy finds the runtime of the first', async () => {
  const copy: unknown = await import(`${import.meta.resolve('./slot.ts')}?second`)
  assert.equal(Reflect.get(Object(copy), 'runtime'), runtime)
  assert.equal(
    Object.getOwnPropertyDescriptor(globalThis, Symbol.for('crosscut.context.1'))?.enumerable,
    false,
  )
})

test('baggage of a second copy joins with ours, and comes out as ours', async () => {
  const url = import.meta.resolve('#baggage').replace('index.ts', 'baggage.ts?second')
  const copy: unknown = await import(url)
  const Other: unknown = Reflect.get(Object(copy), 'Baggage')
  assert.ok(typeof Other === 'function' && Other !== Baggage)
  const theirs: unknown = Reflect.get(Other, 'decode').call(Other, words('theirs').encode())
  assert.ok(isBaggageOfAnyCopy(theirs))
  context.start()
  await context.run(theirs, async () => {
    assert.ok(context.current() instanceof Baggage)
    await (async () => {
      await null
      context.join(words('ours'))
    })()
    assert.equal(seen(), 'ours theirs')
  })
  context.stop()
})

function isBaggageOfAnyCopy(value: unknown): value is Baggage {
  return typeof value === 'object' && value !== null && 'encode' in value
}
