// Hand-overs that nothing else sees: a point of one execution is kept, and another execution says that it
// goes on because of it (Canopy 3.4: edges between points).
//
//   const asked = mark()                    // here: the source of the edge
//   onAnswer(() => after(asked, 'answer'))  // there: the active span could not go on before

import type { HostMark } from '#protocol'
import { annotationsOf, NO_ANNOTATIONS, type Annotations } from './annotations.ts'
import { host } from './host.ts'

/** A point of an execution that something may come after. Opaque, small, may be kept. */
export type Mark = HostMark

/** The point of now; undefined where nothing is recorded. */
export function mark(): Mark | undefined {
  return host()?.mark()
}

/** The active span goes on, now, because of `from`. */
export function after(from: Mark | undefined, name: string, annotations: Annotations = NO_ANNOTATIONS): void {
  if (from === undefined) return
  host()?.arrive(from, { kind: 'async', name, annotations: annotationsOf(annotations) })
}
