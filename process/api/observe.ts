// Tells what happens inside a request: tracepoints for tools, blocks and points for the trace (Canopy 3.4:
// unit, block, point).

import type { HostAttributes, HostBlock } from '#protocol'
import { host } from './host.ts'

/** A segment of computation; ends at `end()` or where `using` leaves it. */
export type Block = HostBlock & { [Symbol.dispose](): void }

const NO_ATTRIBUTES: HostAttributes = Object.freeze({})

const silentBlock: Block = Object.freeze({ end() {}, [Symbol.dispose]() {} })

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
export function block(name: string): Block
export function block<R>(name: string, fn: () => R): R
export function block(name: string, fn?: () => unknown): unknown {
  const agent = host()
  if (fn !== undefined) return agent === undefined ? fn() : agent.runBlock(name, fn)
  if (agent === undefined) return silentBlock
  const begun = agent.startBlock(name, NO_ATTRIBUTES)
  return { end: (error?: unknown) => begun.end(error), [Symbol.dispose]: () => begun.end() }
}

/** Records an instant, with attributes, on the active span. */
export function point(name: string, attributes: HostAttributes = NO_ATTRIBUTES): void {
  host()?.point(name, attributes)
}

/**
 * Calls fn and records how long it took (until its promise settles, if it returns one) on the active span:
 * cheaper than a block. What fn returns or throws is passed on; a promise as one that settles alike (a
 * handler on the original would hide its rejection from the host's unhandledRejection).
 */
export function measure<R>(name: string, fn: () => Promise<R>): Promise<R>
export function measure<R>(name: string, fn: () => R): R
export function measure(name: string, fn: () => unknown): unknown {
  const agent = host()
  if (agent === undefined) return fn()
  const startMs = performance.now()
  const finish = () => agent.measured(name, performance.now() - startMs)
  let result
  try {
    result = fn()
  } catch (error: unknown) {
    finish()
    throw error
  }
  if (result instanceof Promise) return result.finally(finish)
  finish()
  return result
}
