// Where a workflow has to be cut for what it does to a resource: at the points it passes in that process, so
// that its other ways stay open.
//
//   resources of 1 of 3 instances of a point   -> that instance, `name@process`
//   of most of them                            -> the point as a whole
//   none where it passes a point               -> undefined: everywhere, as the papers have it

import type { ControllerApi } from '#fair'

/** One for each step: what it looks up is true until then. */
export function waysAt(
  api: ControllerApi,
): (w: string, resources: readonly string[]) => string[] | undefined {
  let all: Map<string, number> | undefined
  return (w, resources) => {
    const near = new Set(resources.flatMap((r) => api.pointsAt?.(r) ?? []))
    const passed = [...near].filter((p) => api.throughput(p, w) > 0)
    if (passed.length === 0) return undefined
    all ??= instancesOf(api)
    const concerned = countBy(passed.map(nameOf))
    const isMost = (name: string) => 2 * (concerned.get(name) ?? 0) > (all?.get(name) ?? 0)
    return [...new Set(passed.map((p) => (isMost(nameOf(p)) ? nameOf(p) : p)))]
  }
}

/** How many each point has. */
function instancesOf(api: ControllerApi): Map<string, number> {
  const all = new Set(api.resources().flatMap((r) => api.pointsAt?.(r) ?? []))
  return countBy([...all].map(nameOf))
}

const nameOf = (instance: string): string => instance.slice(0, instance.lastIndexOf('@'))

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
