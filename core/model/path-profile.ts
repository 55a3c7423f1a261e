// Where the time of many traces went: critical paths added up by service, by operation and by call path.
//
//   trace --critical path--> sections --by block--> [gateway] POST /checkout -> [cart] GET /cart -> ...   ns
//                                                      |  a tree: equal paths of all traces are one node
//   profile  = whole + services + operations + nodes <-+
//
// Each of the three partitions the end-to-end time of the traces exactly, in ns (bigint sums). A profile is
// mergeable: profiles of parts of the traces, merged in any order, are the profile of all, as long as no
// table is full. A sampled trace counts for what it stands for: sums are kept in parts of a ns, so that they
// are exact also then, and rounded when they are shown. Owner: whoever made it; nothing is shared between
// profiles.
// Source: Canopy (SOSP'17) 3.5 and figure 9 (critical path components, aggregated call paths).

import type { PathProfileView, PathShareView, WhatIfView } from '#protocol'
import { blockTimes } from './block-times.ts'
import { pathSections, type PathSection } from './critical-path.ts'
import { Distribution, type Example } from './distribution.ts'
import {
  CALL_PATH_FRAMES_MAX,
  DRAG_OPERATIONS_MAX,
  PROFILE_NODES_MAX,
  PROFILE_OPERATIONS_MAX,
  PROFILE_SERVICES_MAX,
  PROFILE_VIEW_NODES_MAX,
  PROFILE_VIEW_OPERATIONS_MAX,
} from './limits.ts'
import { scheduleOf, type Schedule } from './schedule.ts'
import type { Trace } from './trace.ts'
import { afterChange, type WhatIf } from './what-if.ts'

/** Text of names that found no room. */
const OTHERS = '(others)'

/** Time on the path of one trace, summed per key, with the span that has most of it. */
type Part = { ns: number; waitNs: number; spanId: string; mostNs: number }
type Weighted = Example & { readonly weight: number }

/** A weight in whole parts. 2^20: one of 1.1 is off by less than a millionth. */
const PARTS = 2 ** 20
const partsOf = (weight: number): bigint => BigInt(Math.round(weight * PARTS))
/** Text of a sum of ns times parts. */
const shown = (sum: bigint): string =>
  String((sum + BigInt(sum < 0n ? -PARTS / 2 : PARTS / 2)) / BigInt(PARTS))

class Share {
  /** In parts of a ns. */
  sum = 0n
  waitSum = 0n
  readonly each = new Distribution()

  add(ns: number, waitNs: number, example: Weighted): void {
    const { weight, traceId, spanId } = example
    const parts = partsOf(weight)
    this.sum += BigInt(ns) * parts
    this.waitSum += BigInt(waitNs) * parts
    this.each.add(ns, spanId === undefined ? { traceId } : { traceId, spanId }, weight)
  }

  merge(other: Share): void {
    this.sum += other.sum
    this.waitSum += other.waitSum
    this.each.merge(other.each)
  }

  view(): PathShareView {
    return {
      ns: shown(this.sum),
      waitNs: shown(this.waitSum),
      traces: Math.round(this.each.count),
      p50Ns: String(this.each.quantileNs(0.5)),
      p95Ns: String(this.each.quantileNs(0.95)),
      distribution: this.each.view(),
    }
  }
}

class Operation extends Share {
  dragSum = 0n
  readonly service: string
  readonly name: string
  constructor(service: string, name: string) {
    super()
    this.service = service
    this.name = name
  }
}

class Node extends Operation {
  readonly children = new Map<string, Node>()
}

type Path = { readonly trace: Trace; readonly sections: readonly PathSection[]; readonly weight: number }

export class PathProfile {
  readonly #change: WhatIf | undefined
  readonly #whole = new Share()
  readonly #services = new Map<string, Operation>()
  readonly #operations = new Map<string, Operation>()
  readonly #roots = new Map<string, Node>()
  readonly #after = new Distribution()
  #nodes = 0
  #afterSum = 0n
  #savedTraces = 0

  /** change: also what the traces would have taken with this operation faster. */
  constructor(change?: WhatIf) {
    this.#change = change
  }

  /**
   * Counts the critical path of the main root. A trace without one, or without length, changes nothing.
   * weight: how many traces it stands for, 1 and more.
   */
  add(trace: Trace, weight = 1): void {
    const root = trace.blocks[trace.root]
    if (root === undefined || root.endNs <= root.startNs) return
    const times = blockTimes(trace)
    const lengthNs = Number(root.endNs - root.startNs)
    const sections = pathSections(trace, times, { from: 0, to: lengthNs }, root.index)
    const schedule = scheduleOf(trace, times)
    this.#whole.add(lengthNs, waited(sections), { traceId: trace.traceId, weight })
    const path = { trace, sections, weight }
    this.#addServices(path)
    this.#addOperations(path, schedule, lengthNs)
    this.#addNodes(path)
    if (this.#change === undefined) return
    const afterNs = Math.round(afterChange(schedule, this.#change))
    this.#after.add(afterNs, { traceId: trace.traceId }, weight)
    this.#afterSum += BigInt(afterNs) * partsOf(weight)
    if (afterNs < lengthNs) this.#savedTraces += weight
  }

  /** Adds what another profile counted, which stays as it is. Both are of the same change. */
  merge(other: PathProfile): void {
    this.#whole.merge(other.#whole)
    this.#after.merge(other.#after)
    this.#afterSum += other.#afterSum
    this.#savedTraces += other.#savedTraces
    for (const from of other.#services.values()) this.#service(from.service).merge(from)
    for (const from of other.#operations.values()) {
      const into = this.#operation(from.service, from.name)
      into.merge(from)
      into.dragSum += from.dragSum
    }
    const open: (readonly [Node | undefined, Node])[] = [...other.#roots.values()].map((node) => [
      undefined,
      node,
    ])
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const [above, from] = next
      const into = this.#node(above, from.service, from.name)
      into.merge(from)
      for (const child of from.children.values()) open.push([into, child])
    }
  }

  view(): PathProfileView {
    const byNs = (a: Share, b: Share): number => (a.sum < b.sum ? 1 : a.sum > b.sum ? -1 : 0)
    const { nodes, folded } = this.#nodeViews()
    return {
      whole: this.#whole.view(),
      services: [...this.#services.values()]
        .sort(byNs)
        .map((share) => ({ service: share.service, ...share.view() })),
      operations: [...this.#operations.values()]
        .sort(byNs)
        .slice(0, PROFILE_VIEW_OPERATIONS_MAX)
        .map((share) => ({
          service: share.service,
          name: share.name,
          dragNs: shown(share.dragSum),
          ...share.view(),
        })),
      nodes,
      foldedNodes: folded,
      ...(this.#change === undefined ? {} : { whatIf: this.#whatIfView(this.#change) }),
    }
  }

  #whatIfView(change: WhatIf): WhatIfView & { savedTraces: number } {
    const { each } = this.#whole
    return {
      ...change,
      beforeNs: shown(this.#whole.sum),
      afterNs: shown(this.#afterSum),
      p50BeforeNs: String(each.quantileNs(0.5)),
      p50AfterNs: String(this.#after.quantileNs(0.5)),
      p95BeforeNs: String(each.quantileNs(0.95)),
      p95AfterNs: String(this.#after.quantileNs(0.95)),
      savedTraces: Math.round(this.#savedTraces),
    }
  }

  #addServices({ trace, sections, weight }: Path): void {
    const parts = partsBy(trace, sections, (block) => this.#service(trace.blocks[block].service))
    for (const [share, part] of parts) addPart(share, part, { traceId: trace.traceId, weight })
  }

  #addOperations({ trace, sections, weight }: Path, schedule: Schedule, lengthNs: number): void {
    const parts = partsBy(trace, sections, (block) => {
      const { service, name } = trace.blocks[block]
      return this.#operation(service, name)
    })
    for (const [share, part] of parts) addPart(share, part, { traceId: trace.traceId, weight })
    const longest = [...parts].sort(([, a], [, b]) => b.ns - a.ns).slice(0, DRAG_OPERATIONS_MAX)
    for (const [share] of longest) {
      const { service, name } = share
      const dragNs = Math.round(lengthNs - afterChange(schedule, { service, name, faster: 100 }))
      share.dragSum += BigInt(dragNs) * partsOf(weight)
    }
  }

  #addNodes({ trace, sections, weight }: Path): void {
    const known = new Map<number, Node>()
    const parts = partsBy(trace, sections, (block) => this.#nodeOf(trace, block, known))
    for (const [share, part] of parts) addPart(share, part, { traceId: trace.traceId, weight })
  }

  /** The node of a block's call path; frames below the limit count for the last one that is kept. */
  #nodeOf(trace: Trace, block: number, known: Map<number, Node>): Node {
    const frames: number[] = []
    let at = block
    for (; at !== -1 && !known.has(at); at = trace.blocks[at].parent) frames.push(at)
    let node = at === -1 ? undefined : known.get(at)
    for (let frame = frames.pop(); frame !== undefined; frame = frames.pop()) {
      const { depth, service, name } = trace.blocks[frame]
      if (depth < CALL_PATH_FRAMES_MAX) node = this.#node(node, service, name)
      known.set(frame, node!)
    }
    // A block has at least its root as a frame.
    return node!
  }

  #node(above: Node | undefined, service: string, name: string): Node {
    const siblings = above === undefined ? this.#roots : above.children
    const key = keyOf(service, name)
    const known = siblings.get(key)
    if (known !== undefined) return known
    if (this.#nodes >= PROFILE_NODES_MAX) {
      if (above !== undefined) return above
      const others = this.#roots.get(keyOf('', OTHERS))
      if (others !== undefined) return others
    }
    const isFull = this.#nodes >= PROFILE_NODES_MAX
    const made = isFull ? new Node('', OTHERS) : new Node(service, name)
    siblings.set(keyOf(made.service, made.name), made)
    this.#nodes += 1
    return made
  }

  #service(service: string): Operation {
    return grown(this.#services, { service, name: '', max: PROFILE_SERVICES_MAX })
  }

  #operation(service: string, name: string): Operation {
    return grown(this.#operations, { service, name, max: PROFILE_OPERATIONS_MAX })
  }

  /** Nodes with most time below them, parents first; those left out are counted for the node above. */
  #nodeViews(): { nodes: PathProfileView['nodes']; folded: number } {
    const all: { node: Node; above: number; withChildren: bigint }[] = []
    const open: [Node, number][] = [...this.#roots.values()].map((node) => [node, -1])
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const at = all.push({ node: next[0], above: next[1], withChildren: next[0].sum }) - 1
      for (const child of next[0].children.values()) open.push([child, at])
    }
    for (let at = all.length - 1; at > 0; at--)
      if (all[at].above !== -1) all[all[at].above].withChildren += all[at].withChildren
    const largest = [...all.keys()]
      .sort((a, b) =>
        all[a].withChildren > all[b].withChildren
          ? -1
          : all[a].withChildren < all[b].withChildren
            ? 1
            : a - b,
      )
      .slice(0, PROFILE_VIEW_NODES_MAX)
    const kept = new Map<number, number>()
    for (const at of largest.sort((a, b) => a - b)) kept.set(at, kept.size)
    const shares = new Map<number, Share>()
    const others = new Share()
    let folded = 0
    for (let at = 0; at < all.length; at++) {
      if (kept.has(at)) {
        const own = new Share()
        own.merge(all[at].node)
        shares.set(at, own)
        continue
      }
      folded += 1
      let above = all[at].above
      while (above !== -1 && !kept.has(above)) above = all[above].above
      const into = shares.get(above) ?? others
      into.merge(all[at].node)
    }
    const nodes = [...kept.keys()].map((at) => ({
      parent: kept.get(all[at].above) ?? -1,
      service: all[at].node.service,
      name: all[at].node.name,
      withChildrenNs: shown(all[at].withChildren),
      ...shares.get(at)!.view(),
    }))
    if (others.each.count > 0)
      nodes.push({
        parent: -1,
        service: '',
        name: OTHERS,
        withChildrenNs: shown(others.sum),
        ...others.view(),
      })
    return { nodes, folded }
  }
}

/** ns on the critical path by call path, `[service] name -> [service] name`, roots first; of one trace. */
export function callPathTimes(trace: Trace): Map<string, bigint> {
  const profile = new PathProfile()
  profile.add(trace)
  const { nodes } = profile.view()
  const texts: string[] = []
  const times = new Map<string, bigint>()
  for (const { parent, service, name, ns } of nodes) {
    const text = `${parent === -1 ? '' : `${texts[parent]} -> `}[${service}] ${name}`
    texts.push(text)
    if (ns !== '0') times.set(text, BigInt(ns))
  }
  return times
}

function partsBy<K>(
  trace: Trace,
  sections: readonly PathSection[],
  keyOfBlock: (block: number) => K,
): Map<K, Part> {
  const parts = new Map<K, Part>()
  for (const { block, start, end, edge } of sections) {
    const key = keyOfBlock(block)
    const ns = end - start
    let part = parts.get(key)
    if (part === undefined) parts.set(key, (part = { ns: 0, waitNs: 0, spanId: '', mostNs: -1 }))
    part.ns += ns
    if (edge !== undefined) part.waitNs += ns
    if (ns <= part.mostNs) continue
    part.mostNs = ns
    part.spanId = trace.blocks[block].spanId
  }
  return parts
}

function addPart(share: Share, { ns, waitNs, spanId }: Part, of: Weighted): void {
  share.add(ns, waitNs, { ...of, spanId })
}

function waited(sections: readonly PathSection[]): number {
  return sections.reduce((sum, { start, end, edge }) => (edge === undefined ? sum : sum + end - start), 0)
}

/** The entry of these names; past the limit that of all others. */
function grown(
  table: Map<string, Operation>,
  { service, name, max }: { readonly service: string; readonly name: string; readonly max: number },
): Operation {
  const key = keyOf(service, name)
  const known = table.get(key)
  if (known !== undefined) return known
  const isFull = table.size >= max
  const [at, made] = isFull
    ? [keyOf('', OTHERS), table.get(keyOf('', OTHERS)) ?? new Operation('', OTHERS)]
    : [key, new Operation(service, name)]
  table.set(at, made)
  return made
}

/** No character is safe as a separator: names are what strangers sent. */
function keyOf(service: string, name: string): string {
  return `${service.length} ${service}${name}`
}
