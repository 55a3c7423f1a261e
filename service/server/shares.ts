// Splits what the whole fleet may take among its agents, by what each of them has to choose from.
//
//   share = (1 - FLOOR) * its demand / all demand  +  FLOOR / agents
//
// In proportion to demand every agent samples with the same probability, which estimates best; the floor is
// for those whose demand is not known yet, or begins. Shares sum to one.

/** A tenth: a process that wakes up has a tenth of an equal share at once, and its own after a telling. */
const FLOOR = 0.1

export function sharesOf(demands: ReadonlyMap<string, number>): Map<string, number> {
  const count = demands.size
  const all = [...demands.values()].reduce((sum, demand) => sum + demand, 0)
  return new Map(
    [...demands].map(([agent, demand]) => [
      agent,
      all > 0 ? (1 - FLOOR) * (demand / all) + FLOOR / count : 1 / count,
    ]),
  )
}

/** Whether anybody would notice: some share is another by more than a tenth of itself. */
export function isMoved(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): boolean {
  if (before.size !== now.size) return true
  return [...now].some(([agent, share]) => {
    const was = before.get(agent)
    return was === undefined || Math.abs(share - was) > share / 10
  })
}
