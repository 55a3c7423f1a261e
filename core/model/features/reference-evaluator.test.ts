// Laws of the feature language over random pipelines and random traces. The judge is a second evaluator,
// written here from the reference page alone: objects, lists, plain definitions, no index, nothing shared or
// kept.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDiagnostic } from '#base'
import { buildTrace, compileFeatures, compileFilter, criticalPath, FeatureBudget } from '../index.ts'
import type { Edge, OtlpSpan, Trace } from '../index.ts'
import { anyTrace, causalTrace } from '../testing/random-trace.ts'

const RUNS = 1500

// --- the naive model

type El =
  | { readonly of: 'trace' }
  | { readonly of: 'unit' | 'block'; readonly index: number }
  | {
      readonly of: 'point'
      readonly block: number
      readonly side: 'begin' | 'event' | 'end'
      readonly at: number
    }
  | { readonly of: 'edge'; readonly index: number }
  | { readonly of: 'section'; readonly block: number; readonly from: bigint; readonly to: bigint }
  | { readonly of: 'path'; readonly sections: readonly El[] }
type Val = El | number | string | boolean | null | readonly unknown[]
type Kind = El['of'] | 'number' | 'string' | 'boolean'
type Typed = { readonly kind: Kind; readonly isMany: boolean }
type Env = { readonly trace: Trace; readonly it: Val }

const zero = (trace: Trace): bigint =>
  trace.blocks.reduce(
    (first, { startNs }) => (startNs < first ? startNs : first),
    trace.blocks[0]?.startNs ?? 0n,
  )
const begin = (trace: Trace, block: number): number => Number(trace.blocks[block].startNs - zero(trace))
const finish = (trace: Trace, block: number): number => Number(trace.blocks[block].endNs - zero(trace))
const blocksIn = (trace: Trace, unit: number): number[] =>
  trace.blocks.filter((block) => block.unit === unit).map(({ index }) => index)
const below = (trace: Trace, block: number): number[] =>
  trace.blocks
    .filter(({ parent }) => parent === block)
    .flatMap(({ index }) => [index, ...below(trace, index)])
const above = (trace: Trace, block: number): number[] => {
  const { parent } = trace.blocks[block]
  return parent === -1 ? [] : [parent, ...above(trace, parent)]
}

function timesOf(trace: Trace, el: El): { from: number | null; to: number | null } {
  switch (el.of) {
    case 'trace':
      return { from: 0, to: Math.max(0, ...trace.blocks.map(({ index }) => finish(trace, index))) }
    case 'unit': {
      const all = blocksIn(trace, el.index)
      return {
        from: Math.min(...all.map((block) => begin(trace, block))),
        to: Math.max(...all.map((block) => finish(trace, block))),
      }
    }
    case 'block':
      return { from: begin(trace, el.index), to: finish(trace, el.index) }
    case 'point': {
      if (el.side === 'begin') return { from: begin(trace, el.block), to: null }
      if (el.side === 'end') return { from: finish(trace, el.block), to: null }
      return { from: Number(trace.points[el.at].timeNs - zero(trace)), to: null }
    }
    case 'edge': {
      const { from, to } = trace.edges[el.index]
      return {
        from: from === undefined ? null : Number(from.timeNs - zero(trace)),
        to: Number(to.timeNs - zero(trace)),
      }
    }
    case 'section':
      return { from: Number(el.from - zero(trace)), to: Number(el.to - zero(trace)) }
    case 'path': {
      const times = el.sections.map((section) => timesOf(trace, section))
      return { from: times[0].from, to: times[times.length - 1].to }
    }
  }
}

const points = (trace: Trace): El[] => [
  ...trace.blocks.flatMap(({ index }): El[] => [
    { of: 'point', block: index, side: 'begin', at: index },
    { of: 'point', block: index, side: 'end', at: -index },
  ]),
  ...trace.points.map(({ block }, at): El => ({ of: 'point', block, side: 'event', at })),
]

/** Sorted by time; what is at one time by kind of point, then by place. */
function inTime(trace: Trace, els: readonly El[]): El[] {
  const distinct = [...new Map(els.map((el) => [nameOf(el), el])).values()]
  const key = (el: El): number[] => {
    const { from, to } = timesOf(trace, el)
    if (el.of === 'edge') return [to ?? 0, 0, el.index]
    if (el.of === 'point') return [from ?? 0, ['begin', 'event', 'end'].indexOf(el.side), el.at]
    return [from ?? 0, 0, 'index' in el ? el.index : 0]
  }
  return distinct.sort((a, b) => {
    const [left, right] = [key(a), key(b)]
    return left[0] - right[0] || left[1] - right[1] || left[2] - right[2]
  })
}

const nameOf = (el: El): string =>
  JSON.stringify(el, (_, value) => (typeof value === 'bigint' ? String(value) : value))
const block = (index: number): El => ({ of: 'block', index })
const unit = (index: number): El => ({ of: 'unit', index })

const blocksOfEdge = ({ from, to }: Edge): number[] => [...(from === undefined ? [] : [from.block]), to.block]

function blockOf(trace: Trace, el: El): number {
  if (el.of === 'point' || el.of === 'section') return el.block
  if (el.of === 'unit') return trace.units[el.index].entry
  return el.of === 'block' ? el.index : trace.root
}

function attribute(trace: Trace, el: El, key: string): unknown {
  if (el.of === 'edge') return trace.edges[el.index].attributes[key]
  if (el.of === 'point' && el.side === 'event') {
    const { block: of, event } = trace.points[el.at]
    return trace.blocks[of].span.events[event].attributes[key]
  }
  const index = blockOf(trace, el)
  if (index === -1) return undefined
  const { span } = trace.blocks[index]
  return span.attributes[key] ?? span.resource.attributes[key]
}

function field(trace: Trace, el: El, key: string): string | null {
  if (el.of === 'unit' && key === 'name') return trace.units[el.index].service
  if (el.of === 'point' && key === 'name') return el.side === 'event' ? trace.points[el.at].name : el.side
  if (el.of === 'edge')
    return key === 'service'
      ? trace.blocks[trace.edges[el.index].to.block].service
      : trace.edges[el.index].kind
  const index = blockOf(trace, el)
  return index === -1 ? null : trace.blocks[index][key === 'name' ? 'name' : 'service']
}

const moves: Record<string, Partial<Record<Kind, [to: El['of'], find: (trace: Trace, el: El) => El[]]>>> = {
  Blocks: {
    trace: ['block', (trace) => trace.blocks.map(({ index }) => block(index))],
    unit: ['block', (trace, el) => (el.of === 'unit' ? blocksIn(trace, el.index).map(block) : [])],
    point: ['block', (trace, el) => [block(blockOf(trace, el))]],
    edge: ['block', (trace, el) => (el.of === 'edge' ? blocksOfEdge(trace.edges[el.index]).map(block) : [])],
    section: ['block', (trace, el) => [block(blockOf(trace, el))]],
    path: [
      'block',
      (trace, el) => (el.of === 'path' ? el.sections.map((one) => block(blockOf(trace, one))) : []),
    ],
  },
  Units: {
    trace: ['unit', (trace) => trace.units.map(({ index }) => unit(index))],
    block: ['unit', (trace, el) => [unit(trace.blocks[blockOf(trace, el)].unit)]],
    edge: [
      'unit',
      (trace, el) =>
        el.of === 'edge' ? blocksOfEdge(trace.edges[el.index]).map((at) => unit(trace.blocks[at].unit)) : [],
    ],
  },
  Points: {
    trace: ['point', (trace) => points(trace)],
    block: [
      'point',
      (trace, el) => points(trace).filter((one) => blockOf(trace, one) === blockOf(trace, el)),
    ],
    unit: [
      'point',
      (trace, el) =>
        points(trace).filter(
          (one) => el.of === 'unit' && blocksIn(trace, el.index).includes(blockOf(trace, one)),
        ),
    ],
  },
  Edges: {
    trace: ['edge', (trace) => trace.edges.map((_, index) => ({ of: 'edge', index }))],
    block: [
      'edge',
      (trace, el) =>
        trace.edges.flatMap((edge, index): El[] =>
          blocksOfEdge(edge).includes(blockOf(trace, el)) ? [{ of: 'edge', index }] : [],
        ),
    ],
  },
  Sections: { path: ['section', (_, el) => (el.of === 'path' ? [...el.sections] : [])] },
  Children: {
    block: [
      'block',
      (trace, el) =>
        trace.blocks.filter(({ parent }) => parent === blockOf(trace, el)).map(({ index }) => block(index)),
    ],
  },
  Descendants: { block: ['block', (trace, el) => below(trace, blockOf(trace, el)).map(block)] },
  Ancestors: { block: ['block', (trace, el) => above(trace, blockOf(trace, el)).map(block)] },
}

const steps: Record<
  string,
  Partial<Record<Kind, [to: El['of'], find: (trace: Trace, el: El) => El | null]>>
> = {
  Parent: {
    block: ['block', (trace, el) => above(trace, blockOf(trace, el)).map(block)[0] ?? null],
    unit: [
      'unit',
      (trace, el) => above(trace, blockOf(trace, el)).map((at) => unit(trace.blocks[at].unit))[0] ?? null,
    ],
  },
  Block: {
    unit: ['block', (trace, el) => block(blockOf(trace, el))],
    point: ['block', (trace, el) => block(blockOf(trace, el))],
    section: ['block', (trace, el) => block(blockOf(trace, el))],
  },
  Source: {
    edge: [
      'block',
      (trace, el) => {
        const from = el.of === 'edge' ? trace.edges[el.index].from : undefined
        return from === undefined ? null : block(from.block)
      },
    ],
  },
  Target: {
    edge: ['block', (trace, el) => (el.of === 'edge' ? block(trace.edges[el.index].to.block) : null)],
  },
}

const durations: Record<string, (trace: Trace, el: El) => number | null> = {
  Duration: (trace, el) => {
    const { from, to } = timesOf(trace, el)
    return from === null || to === null ? null : to - from
  },
  Timestamp: (trace, el) => timesOf(trace, el).from,
  EndTimestamp: (trace, el) => timesOf(trace, el).to,
  /** Each ns that no child covers. */
  ExclusiveDuration: (trace, el) => {
    const children = trace.blocks.filter(({ parent }) => parent === blockOf(trace, el))
    const { from, to } = timesOf(trace, el)
    let free = 0
    for (let ns = from ?? 0; ns < (to ?? 0); ns++)
      if (!children.some(({ index }) => begin(trace, index) <= ns && ns < finish(trace, index))) free += 1
    return free
  },
}
const MEASURES: Record<string, readonly Kind[]> = {
  Duration: ['trace', 'unit', 'block', 'edge', 'section', 'path'],
  Timestamp: ['trace', 'unit', 'block', 'point', 'edge', 'section', 'path'],
  EndTimestamp: ['trace', 'unit', 'block', 'edge', 'section', 'path'],
  ExclusiveDuration: ['block'],
}

function pathOf(trace: Trace): El | null {
  const sections = criticalPath(trace).map(({ spanId, startNs, endNs }): El => {
    const at = trace.blocks.findIndex((one) => one.spanId === spanId)
    return { of: 'section', block: at, from: startNs, to: endNs }
  })
  return sections.length === 0 ? null : { of: 'path', sections }
}

const folds: Record<string, (all: readonly number[]) => number | null> = {
  Sum: (all) => all.reduce((sum, value) => sum + value, 0),
  Avg: (all) => (all.length === 0 ? null : all.reduce((sum, value) => sum + value, 0) / all.length),
  Min: (all) => (all.length === 0 ? null : Math.min(...all)),
  Max: (all) => (all.length === 0 ? null : Math.max(...all)),
  P50: (all) => quantile(all, 0.5),
  P95: (all) => quantile(all, 0.95),
}

const quantile = (all: readonly number[], share: number): number | null =>
  [...all]
    .sort((a, b) => a - b)
    .find((value) => all.filter((other) => other <= value).length >= share * all.length - 1e-9) ?? null

// --- random pipelines: a text, and what it means

type Made = Typed & { readonly text: string; readonly run: (env: Env) => Val }

/** Choices, one after the other; when they run out, the first. */
class Tape {
  readonly #choices: readonly number[]
  #at = 0
  constructor(choices: readonly number[]) {
    this.#choices = choices
  }
  pick<T>(from: readonly T[]): T {
    const choice = this.#choices[this.#at++] ?? 0
    return from[choice % from.length]
  }
}

const ELEMENTS: readonly Kind[] = ['trace', 'unit', 'block', 'point', 'edge', 'section', 'path']
const isEl = (kind: Kind): boolean => ELEMENTS.includes(kind)

function each(made: Made, kind: Kind, text: string, apply: (env: Env, value: Val) => Val): Made {
  return {
    kind,
    isMany: made.isMany,
    text: `${made.text} | ${text}`,
    run: (env) => {
      const value = made.run(env)
      if (value === null) return null
      if (!made.isMany) return apply(env, value)
      return (value as Val[]).map((one) => apply(env, one)).filter((one) => one !== null)
    },
  }
}

function pipeline(tape: Tape, start: Made, length: number, depth: number): Made {
  let made = start
  for (let stage = 0; stage < length; stage++) {
    const options = stagesFor(made, tape, depth)
    made = tape.pick(options)()
  }
  return made
}

function stagesFor(made: Made, tape: Tape, depth: number): (() => Made)[] {
  const { kind, isMany, text, run } = made
  const options: (() => Made)[] = []
  for (const [name, table] of Object.entries(moves)) {
    const move = table[kind]
    if (move === undefined) continue
    options.push(() => ({
      kind: move[0],
      isMany: true,
      text: `${text} | ${name}`,
      run: (env) => {
        const value = run(env)
        if (value === null) return null
        const from = (isMany ? value : [value]) as readonly El[]
        return inTime(
          env.trace,
          from.flatMap((el) => move[1](env.trace, el)),
        )
      },
    }))
  }
  for (const [name, table] of Object.entries(steps)) {
    const step = table[kind]
    if (step === undefined) continue
    options.push(() => {
      const next = each(made, step[0], name, ({ trace }, el) => step[1](trace, el as El))
      if (!isMany) return next
      return {
        ...next,
        run: (env) => {
          const found = next.run(env)
          return found === null ? null : inTime(env.trace, found as readonly El[])
        },
      }
    })
  }
  for (const [name, kinds] of Object.entries(MEASURES)) {
    if (!kinds.includes(kind)) continue
    options.push(() => each(made, 'number', name, ({ trace }, el) => durations[name](trace, el as El)))
  }
  if (kind !== 'path') {
    if (depth > 0)
      options.push(() => {
        const condition = conditionOn(kind, tape, depth - 1)
        const keep = (env: Env, value: Val): Val =>
          condition.run({ ...env, it: value }) === true ? value : null
        return each(made, kind, `Filter(${condition.text})`, keep)
      })
    if (isEl(kind)) {
      options.push(() => {
        const key = tape.pick(['k', 'name', 'absent'])
        return each(made, 'string', `Label("${key}")`, ({ trace }, el) => {
          const value =
            attribute(trace, el as El, key) ?? (key === 'name' ? field(trace, el as El, key) : null)
          return value === null || typeof value === 'string'
            ? value
            : value instanceof Array
              ? JSON.stringify(value)
              : String(value)
        })
      })
    }
  }
  if (['block', 'point', 'edge'].includes(kind)) {
    options.push(() =>
      each(made, 'number', 'Counter(c)', ({ trace }, el) => {
        const isOwn = !((el as El).of === 'point' && (el as { side?: string }).side !== 'event')
        const value = isOwn ? attribute(trace, el as El, 'crosscut.counter.c') : null
        return typeof value === 'number' ? value : null
      }),
    )
  }
  if (kind === 'number') {
    const by = tape.pick([0, 2, 3])
    const [name, apply] = tape.pick<[string, (a: number) => number | null]>([
      ['Add', (a) => a + by],
      ['Subtract', (a) => a - by],
      ['Multiply', (a) => a * by],
      ['Divide', (a) => (by === 0 ? null : a / by)],
    ])
    options.push(() => each(made, 'number', `${name}(${by})`, (_, value) => apply(value as number)))
  }
  if (isMany) {
    const place = tape.pick([1, 2, -1])
    const one =
      (name: string, pick: (all: readonly Val[], env: Env) => Val | undefined): (() => Made) =>
      () => ({
        kind,
        isMany: false,
        text: `${text} | ${name}`,
        run: (env) => {
          const all = run(env) as readonly Val[] | null
          return all === null ? null : (pick(all, env) ?? null)
        },
      })
    options.push(
      one('First', (all) => all[0]),
      one('Last', (all) => all[all.length - 1]),
    )
    options.push(one(`Nth(${place})`, (all) => (place > 0 ? all[place - 1] : all[all.length - 1])))
    if (kind === 'block') {
      options.push(
        one('MaxBy(Duration)', (all, { trace }) =>
          all.reduce<Val | undefined>((best, el) => {
            const long = (value: Val | undefined) => durations['Duration'](trace, value as El) ?? 0
            return best === undefined || long(el) > long(best) ? el : best
          }, undefined),
        ),
      )
    }
    options.push(() => ({
      kind: 'number',
      isMany: false,
      text: `${text} | Count`,
      run: (env) => (run(env) as readonly Val[] | null)?.length ?? null,
    }))
    if (kind === 'number') {
      for (const [name, fold] of Object.entries(folds))
        options.push(() => ({
          kind,
          isMany: false,
          text: `${text} | ${name}`,
          run: (env) => {
            const all = run(env) as readonly number[] | null
            return all === null ? null : fold(all)
          },
        }))
    }
    if (kind === 'string')
      options.push(() => ({
        ...made,
        text: `${text} | Distinct`,
        run: (env) => {
          const all = run(env) as readonly string[] | null
          return all === null ? null : all.filter((value, at) => all.indexOf(value) === at)
        },
      }))
    if (depth > 0 && kind === 'block')
      options.push(() => {
        const inner = scalar(tape, IT('block'), depth - 1)
        return each(made, inner.kind, `Map(${inner.text})`, (env, it) => inner.run({ ...env, it }))
      })
  }
  options.push(() => ({
    kind: 'boolean',
    isMany: false,
    text: `${text} | Exists`,
    run: (env) => {
      const value = run(env)
      return isMany ? value !== null && (value as readonly Val[]).length > 0 : value !== null
    },
  }))
  return options
}

const IT = (kind: Kind): Made => ({ kind, isMany: false, text: 'It', run: ({ it }) => it })
const TRACE: Made = { kind: 'trace', isMany: false, text: 'Trace', run: () => ({ of: 'trace' }) }
const ROOT: Made = {
  kind: 'block',
  isMany: false,
  text: 'Root',
  run: ({ trace }) => (trace.root === -1 ? null : block(trace.root)),
}
const PATH: Made = { kind: 'path', isMany: false, text: 'CriticalPath', run: ({ trace }) => pathOf(trace) }

/** A pipeline that gives one number, text or truth. */
function scalar(tape: Tape, start: Made, depth: number): Made {
  const made = pipeline(tape, start, tape.pick([1, 2, 3, 4, 5]), depth)
  if (!made.isMany && !isEl(made.kind)) return made
  if (made.isMany)
    return {
      ...made,
      kind: 'number',
      isMany: false,
      text: `${made.text} | Count`,
      run: (env) => (made.run(env) as Val[] | null)?.length ?? null,
    }
  return { ...made, kind: 'boolean', text: `${made.text} | Exists`, run: (env) => made.run(env) !== null }
}

function conditionOn(kind: Kind, tape: Tape, depth: number): Made {
  const boolean = (text: string, run: (env: Env) => boolean): Made => ({
    kind: 'boolean',
    isMany: false,
    text,
    run,
  })
  const joined = depth > 0 ? tape.pick(['plain', 'plain', 'and', 'or', 'not']) : 'plain'
  if (joined === 'not') {
    const inner = conditionOn(kind, tape, depth - 1)
    return boolean(`not (${inner.text})`, (env) => inner.run(env) !== true)
  }
  if (joined !== 'plain') {
    const [left, right] = [conditionOn(kind, tape, depth - 1), conditionOn(kind, tape, depth - 1)]
    return boolean(`(${left.text} ${joined} ${right.text})`, (env) =>
      joined === 'and'
        ? left.run(env) === true && right.run(env) === true
        : left.run(env) === true || right.run(env) === true,
    )
  }
  if (isEl(kind) && kind !== 'trace' && tape.pick([true, false])) {
    const wanted = tape.pick<string | number | boolean>(['x', 5, true, 'a', 'z'])
    const key = tape.pick(typeof wanted === 'string' ? ['k', 'name', 'service'] : ['k'])
    const isNot = tape.pick([true, false])
    return boolean(`${key} ${isNot ? '!=' : '='} ${JSON.stringify(wanted)}`, ({ trace, it }) => {
      const value = key === 'k' ? attribute(trace, it as El, key) : field(trace, it as El, key)
      const members: readonly unknown[] = value instanceof Array ? value : [value]
      const isEqual = members.some((member) => {
        if (member === undefined || member === null) return false
        return typeof wanted === 'number'
          ? Number(member) === wanted && member !== true
          : String(member) === String(wanted)
      })
      return isEqual !== isNot
    })
  }
  const inner = scalar(tape, IT(kind), depth)
  if (inner.kind !== 'number') return boolean(`${inner.text} | Exists`, (env) => inner.run(env) !== null)
  const limit = tape.pick([0, 1, 2, 10, 30])
  const op = tape.pick(['<', '<=', '>', '>='])
  return boolean(`${inner.text} ${op} ${limit}`, (env) => {
    const value = inner.run(env)
    if (typeof value !== 'number') return false
    return op === '<'
      ? value < limit
      : op === '<='
        ? value <= limit
        : op === '>'
          ? value > limit
          : value >= limit
  })
}

// --- the laws

const attributes = fc.record(
  {
    k: fc.constantFrom<unknown>('x', 'y', 5, '5', true, ['x', 'z']),
    'crosscut.counter.c': fc.constantFrom(1, 2, 7),
  },
  { requiredKeys: [] },
)

/** Random spans, some with attributes and events. */
const traces = fc
  .tuple(
    fc.oneof(anyTrace, causalTrace),
    fc.array(fc.tuple(attributes, fc.array(fc.tuple(fc.nat(60), attributes), { maxLength: 2 })), {
      maxLength: 12,
    }),
  )
  .map(([spans, more]) =>
    buildTrace(
      spans.map((span, at): OtlpSpan => {
        const [own, events] = more[at] ?? [{}, []]
        return {
          ...span,
          attributes: own as OtlpSpan['attributes'],
          links: span.links.map((link) => ({
            ...link,
            attributes: { ...link.attributes, ...(own as object) },
          })),
          events: events.map(([after, its], place) => ({
            name: place === 0 ? 'x' : 'e',
            timeUnixNano: span.startTimeUnixNano + BigInt(after),
            attributes: its as OtlpSpan['attributes'],
          })),
        }
      }),
    ),
  )
const tapes = fc.array(fc.nat(1000), { maxLength: 60 })

test('law: a random pipeline over a random trace gives what its definition says', () => {
  const law = fc.property(traces, tapes, fc.nat(2), (trace, choices, at) => {
    const tape = new Tape(choices)
    const { text, run, kind } = scalar(tape, [TRACE, ROOT, PATH][at], 2)
    const { program, diagnostics } = compileFeatures(`${text} | RecordAs("x")`)
    assert.ok(program, `${text}\n${diagnostics.map(formatDiagnostic).join('\n')}`)
    const [{ values }] = program.evaluate(trace)
    const wanted = run({ trace, it: null })
    assert.deepEqual(values[0], wanted, text)
    assert.equal(program.columns[0].type, kind)
  })
  fc.assert(law, { numRuns: RUNS, seed: 20261128 })
})

test('law: many pipelines in one program, sharing what they share, give what each gives alone', () => {
  const law = fc.property(traces, fc.array(tapes, { minLength: 2, maxLength: 8 }), (trace, all) => {
    const made = all.map((choices) => scalar(new Tape(choices), TRACE, 2))
    const text = made.map((one, at) => `${one.text} | RecordAs("c${at}")`).join('\n')
    const { program } = compileFeatures(text)
    assert.ok(program)
    assert.deepEqual(
      program.evaluate(trace)[0].values,
      made.map(({ run }) => run({ trace, it: null })),
      text,
    )
  })
  fc.assert(law, { numRuns: RUNS / 5, seed: 20261128 })
})

test('law: a row a block gives for each block what the pipeline gives from it', () => {
  const law = fc.property(traces, tapes, (trace, choices) => {
    const { text, run } = scalar(new Tape(choices), { ...IT('block'), text: 'Row' }, 2)
    const { program } = compileFeatures(`${text} | RecordAs("x")`, { rowPer: 'block' })
    assert.ok(program, text)
    const wanted = inTime(
      trace,
      trace.blocks.map(({ index }) => block(index)),
    ).map((it) => ({ element: trace.blocks[blockOf(trace, it)].spanId, values: [run({ trace, it })] }))
    assert.deepEqual(program.evaluate(trace), wanted, text)
  })
  fc.assert(law, { numRuns: RUNS / 5, seed: 20261128 })
})

test('law: a condition filters traces as its definition says', () => {
  const law = fc.property(traces, tapes, (trace, choices) => {
    const { text, run } = conditionOn('trace', new Tape(choices), 2)
    const { filter } = compileFilter(text)
    assert.ok(filter, text)
    assert.equal(filter(trace), run({ trace, it: { of: 'trace' } }) === true, text)
  })
  fc.assert(law, { numRuns: RUNS / 5, seed: 20261128 })
})

test('law: with any budget a value is what it is without one, or null and counted', () => {
  const law = fc.property(traces, tapes, fc.nat(40), (trace, choices, work) => {
    const { text } = scalar(new Tape(choices), TRACE, 2)
    const { program } = compileFeatures(`${text} | RecordAs("x")`)
    assert.ok(program)
    const budget = new FeatureBudget(work)
    const [{ values }] = program.evaluate(trace, budget)
    if (budget.overBudget > 0) assert.deepEqual(values, [null])
    else assert.deepEqual([{ values }], program.evaluate(trace))
  })
  fc.assert(law, { numRuns: RUNS / 5, seed: 20261128 })
})
