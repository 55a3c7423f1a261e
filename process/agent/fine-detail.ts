// What the finest level of detail adds to a span: the CPU time of this process and how long its event loop
// was busy while the span was open. Two system calls a span, so only where a policy asks for them.

import type { Span } from './span.ts'

type Begin = {
  readonly cpu: NodeJS.CpuUsage
  readonly loop: ReturnType<typeof performance.eventLoopUtilization>
}

const BEGINS = new WeakMap<Span, Begin>()

export function beginFine(span: Span): void {
  BEGINS.set(span, { cpu: process.cpuUsage(), loop: performance.eventLoopUtilization() })
}

export function endFine(span: Span): void {
  const begin = BEGINS.get(span)
  if (begin === undefined) return
  const { user, system } = process.cpuUsage(begin.cpu)
  span.add('crosscut.counter.process_cpu_time', (user + system) / 1000)
  span.add('crosscut.unit.process_cpu_time', 'ms')
  span.add('crosscut.counter.event_loop_active', performance.eventLoopUtilization(begin.loop).active)
  span.add('crosscut.unit.event_loop_active', 'ms')
}
