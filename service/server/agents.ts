// The processes that said hello: what they are, what they last reported, whether their stream is open.
//
// In memory only: an agent says it all again within a second of reconnecting, so a restart loses nothing.
// With a hundred servers each knows its own agents.

import { matchesGlob } from '#base'
import type { AgentHello, AgentReport, AgentView, TracepointInfo } from '#protocol'
import { AGENT_FORGET_MS, AGENT_SILENT_MS, AGENTS_MAX } from './limits.ts'

type Known = { readonly hello: AgentHello; report?: AgentReport; lastSeenMs: number; streams: number }

export class Agents {
  readonly #known = new Map<string, Known>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  get size(): number {
    return this.#known.size
  }

  hello(hello: AgentHello): void {
    const before = this.#known.get(hello.agent)
    this.#known.delete(hello.agent)
    this.#known.set(hello.agent, {
      hello,
      report: before?.report,
      lastSeenMs: this.#nowMs(),
      streams: before?.streams ?? 0,
    })
    this.#forget()
  }

  /**
   * False = it never said hello to this server. A report that is older than the last of its epoch changes
   * nothing.
   */
  report(report: AgentReport): boolean {
    const known = this.#known.get(report.agent)
    if (known === undefined) return false
    known.lastSeenMs = this.#nowMs()
    const isOld = known.report?.epoch === report.epoch && report.seq <= known.report.seq
    // Results go to the queries; kept here they would be held for every silent process.
    if (!isOld) known.report = { ...report, results: undefined, measured: undefined }
    return true
  }

  /** An open stream counts as a sign of life; call the result when it closed. */
  stream(agent: string): () => void {
    const known = this.#known.get(agent)
    if (known === undefined) return () => {}
    known.streams += 1
    return () => {
      const now = this.#known.get(agent)
      if (now !== undefined && now.streams > 0) now.streams -= 1
    }
  }

  /** Newest hello last. */
  views(): AgentView[] {
    this.#forget()
    return [...this.#known.values()].map(({ hello, report, lastSeenMs, streams }) => ({
      ...hello,
      lastSeenMs,
      isConnected: streams > 0 || this.#nowMs() - lastSeenMs < AGENT_SILENT_MS,
      ...(report === undefined ? {} : { report }),
    }))
  }

  /**
   * The vocabulary: tracepoints of all agents whose name matches the glob, each with its variables and who
   * has it.
   */
  tracepoints(glob: string): KnownTracepoint[] {
    const isMatch = (name: string): boolean => matchesGlob(name, glob)
    const found = new Map<string, Gathered>()
    for (const { hello } of this.#known.values()) {
      for (const { name, vars, lines, source } of hello.tracepoints) {
        if (!isMatch(name)) continue
        const entry = found.get(name) ?? {
          vars: new Set(),
          services: new Set(),
          sources: new Set(),
          lines,
          agents: 0,
        }
        found.set(name, entry)
        for (const one of vars) entry.vars.add(one)
        entry.services.add(hello.service)
        if (source !== undefined) entry.sources.add(source)
        entry.agents += 1
      }
    }
    return [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { vars, services, sources, lines, agents }]) => ({
        name,
        vars: [...vars].sort(),
        services: [...services].sort(),
        agents,
        ...(lines === undefined ? {} : { lines, sources: [...sources].sort() }),
      }))
  }

  #forget(): void {
    for (const [agent, { lastSeenMs, streams }] of this.#known) {
      const isTooMany = this.#known.size > AGENTS_MAX
      if (isTooMany || (streams === 0 && this.#nowMs() - lastSeenMs > AGENT_FORGET_MS))
        this.#known.delete(agent)
    }
  }
}

/** One name, over all agents that have it. */
export type KnownTracepoint = Omit<TracepointInfo, 'source'> & {
  readonly agents: number
  readonly services: readonly string[]
  /** Of a function: the texts its module has; several where two versions of it run. */
  readonly sources?: readonly string[]
}

type Gathered = {
  readonly vars: Set<string>
  readonly services: Set<string>
  readonly sources: Set<string>
  readonly lines: TracepointInfo['lines']
  agents: number
}

/** `*` is any run of characters, `?` one; matched by two pointers, so no pattern is slow. */
export function globTest(glob: string): (text: string) => boolean {
  return (text) => {
    let at = 0
    let mark = 0
    let star = -1
    let in_ = 0
    while (at < text.length) {
      if (in_ < glob.length && glob[in_] === '*') {
        star = in_++
        mark = at
      } else if (in_ < glob.length && (glob[in_] === '?' || glob[in_] === text[at])) {
        in_++
        at++
      } else if (star !== -1) {
        in_ = star + 1
        at = ++mark
      } else return false
    }
    while (glob[in_] === '*') in_++
    return in_ === glob.length
  }
}
