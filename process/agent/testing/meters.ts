// Meters of a process that nobody asks: they keep what they are told and look at nothing by themselves.

import { openWorkflow } from '../bags.ts'
import { Meters } from '../meters/meters.ts'

export function quietMeters(epoch: number): Meters {
  return new Meters({
    epoch,
    reads: openWorkflow(),
    detached: (fn) => fn(),
    isWanted: false,
  })
}
