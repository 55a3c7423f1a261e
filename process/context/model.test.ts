// Random async programs against an explicit happened-before oracle: see oracle/. The seed of a failing
// program is printed; CROSSCUT_MODEL_SEED=<n> runs that one alone, CROSSCUT_MODEL_PROGRAMS=<n> more of them.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { contextFaults, onBarrier, startContext, stopContext, type BarrierEdge } from './index.ts'
import { runProgram, type World } from './oracle/interpreter.ts'
import { generateProgram } from './oracle/program.ts'

const programCount = Number(process.env['CROSSCUT_MODEL_PROGRAMS'] ?? 2000)
const onlySeed = process.env['CROSSCUT_MODEL_SEED']
const edges: BarrierEdge[] = []
let unlisten = (): void => {}

before(() => {
  startContext('model')
  unlisten = onBarrier((edge) => edges.push(edge))
})
after(() => {
  unlisten()
  stopContext('model')
})

function edgesOf(world: World): Set<string> {
  const seen = new Set<string>()
  for (const { from, to } of edges) {
    const source = world.names.get(from.scope.execution.id)
    const target = world.names.get(to.scope.execution.id)
    if (source !== undefined && target !== undefined) seen.add(`${source}>${target}`)
  }
  return seen
}

test('every point sees exactly what happened before it, and every barrier is told', async () => {
  const seeds =
    onlySeed === undefined ? Array.from({ length: programCount }, (_, i) => i + 1) : [Number(onlySeed)]
  let checks = 0
  let barriers = 0
  for (let i = 0; i < seeds.length; i += 20) {
    edges.length = 0
    const batch = seeds.slice(i, i + 20)
    const worlds = await Promise.all(batch.map((seed) => runProgram(generateProgram(seed))))
    for (const [at, world] of worlds.entries()) {
      assert.deepEqual(world.failures, [], `program of seed ${batch[at]}`)
      assert.deepEqual(
        edgesOf(world),
        world.edgesExpected,
        `barrier edges of the program of seed ${batch[at]}`,
      )
      checks += world.checkCount
      barriers += world.edgesExpected.size
    }
  }
  assert.equal(contextFaults(), 0)
  if (onlySeed === undefined)
    assert.ok(
      checks > 20 * programCount && barriers > programCount / 10,
      `${checks} checks, ${barriers} barriers`,
    )
})

test('the oracle tells the difference: without hooks most programs see less', async () => {
  startContext('model', { exact: false })
  try {
    const worlds = await Promise.all(Array.from({ length: 50 }, (_, i) => runProgram(generateProgram(i + 1))))
    const failed = worlds.filter((world) => world.failures.length > 0)
    assert.ok(failed.length > 25, `${failed.length} of 50`)
    assert.ok(failed.every((world) => world.failures.every((failure) => failure.extra.length === 0)))
  } finally {
    startContext('model')
  }
})
