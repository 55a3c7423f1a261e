// Tells what happens inside a request: tracepoints for tools, blocks and points for the trace (Canopy 3.4:
// unit, block, point).

import type { HostAnnotations, HostAttributes, HostBlock } from '#protocol'
import { annotationsOf, NO_ANNOTATIONS, type Annotations } from './annotations.ts'
import { host } from './host.ts'
import { timed } from './timed.ts'

/** A segment of computation; ends at `end()` or where `using` leaves it. */
export interface Block {
  end(error?: unknown): void
  /** Attributes, counters, labels, sets, a stack. Those that are there are replaced. */
  annotate(annotations: Annotations): void
  /** Adds to a counter of this block. */
  count(name: string, by?: number, unit?: string): void
  /** An instant inside this block. */
  point(name: string, annotations?: Annotations): void
  [Symbol.dispose](): void
}

const NO_ATTRIBUTES: HostAttributes = Object.freeze({})

const silentBlock: Block = Object.freeze({
  end() {},
  annotate() {},
  count() {},
  point() {},
  [Symbol.dispose]() {},
})

/**
 * Names a place where tools may run advice, with the variables they may read there. Variables may be given
 * as a function: it is called only while a tool is interested.
 * Cost: without a tool, one property read and one lookup.
 */
export function tracepoint(
  name: string,
  vars: HostAttributes | (() => HostAttributes) = NO_ATTRIBUTES,
): void {
  const agent = host()
  if (agent === undefined || !agent.isWoven(name)) return
  agent.tracepoint(name, typeof vars === 'function' ? vars() : vars)
}

/**
 * Records a segment of computation as a span below the active one.
 * With a function: it is active while the function runs, awaits included, and the function's result is
 * returned as it is. Without: the caller ends it (`using b = block('parse')`), and it is not made active.
 */
export function block<R>(name: string, fn: () => R): R
export function block(name: string, annotations?: HostAnnotations): Block
export function block<R>(name: string, annotations: Annotations, fn: () => R): R
export function block(name: string, ...rest: readonly unknown[]): unknown {
  const [annotations, fn] = argumentsOf(rest)
  const agent = host()
  if (fn !== undefined) {
    return agent === undefined ? fn() : agent.runBlock(name, fn, annotationsOf(annotations))
  }
  if (agent === undefined) return silentBlock
  return blockOf(agent.startBlock(name, annotationsOf(annotations)))
}

/** A function alone is what runs: annotations that are a function stand before one. */
function argumentsOf([first, second]: readonly unknown[]): [Annotations, (() => unknown) | undefined] {
  if (isFunction(second)) return [isAnnotations(first) ? first : NO_ANNOTATIONS, second]
  return isFunction(first)
    ? [NO_ANNOTATIONS, first]
    : [isAnnotations(first) ? first : NO_ANNOTATIONS, undefined]
}

const isFunction = (value: unknown): value is () => unknown => typeof value === 'function'
const isAnnotations = (value: unknown): value is Annotations =>
  isFunction(value) || (typeof value === 'object' && value !== null)

function blockOf(begun: HostBlock): Block {
  return {
    end: (error) => begun.end(error),
    annotate: (annotations) => begun.annotate(annotationsOf(annotations)),
    count: (name, by = 1, unit) => begun.count(name, by, unit),
    point: (name, annotations = NO_ANNOTATIONS) => begun.point(name, annotationsOf(annotations)),
    [Symbol.dispose]: () => begun.end(),
  }
}

/** Records an instant, with attributes, on the active span. */
export function point(name: string, annotations: Annotations = NO_ANNOTATIONS): void {
  const agent = host()
  if (agent !== undefined) agent.point(name, annotationsOf(annotations))
}

/** Says more about the active span: attributes, counters, labels, sets, a stack. */
export function annotate(annotations: Annotations): void {
  const agent = host()
  if (agent !== undefined) agent.annotate(annotationsOf(annotations))
}

/** Adds to a counter of the active span. */
export function count(name: string, by = 1, unit?: string): void {
  host()?.count(name, by, unit)
}

/**
 * Calls fn and records how long it took (until its promise settles, if it returns one) on the active span:
 * cheaper than a block.
 */
export function measure<R>(name: string, fn: () => Promise<R>): Promise<R>
export function measure<R>(name: string, fn: () => R): R
export function measure(name: string, fn: () => unknown): unknown {
  const agent = host()
  if (agent === undefined) return fn()
  return timed(fn, (ms) => agent.measured(name, ms))
}
