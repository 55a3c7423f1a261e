// The workflows of this process, each with its place in all columns. Places are given as names come; when all
// are taken, newcomers share one. So memory is fixed whatever names are made up.
//
//   names  [ 'acme', '(background)', 'globex', ..., '(other)' ]    a name never moves in an epoch
//
// Names in brackets are ours: an application that uses such a name gets it with a quote before it, so that
// nobody hides among those without a name.

import { METER_WORKFLOWS_MAX, TENANT_LENGTH_MAX } from '../limits.ts'

/** Requests that nobody named. */
export const NOBODY = '(none)'
/** Those that came when all places were taken. */
export const OTHERS = '(other)'
/** Outside every execution: timers of the application, its start, and what the agent does. */
export const BACKGROUND = '(background)'

/** Ours, which must have a place whenever they come. */
const OURS: ReadonlySet<string> = new Set([NOBODY, OTHERS, BACKGROUND])

/** Columns are never longer. */
export const PLACES_MAX = METER_WORKFLOWS_MAX + OURS.size

export class Workflows {
  readonly #names: string[] = []
  readonly #places = new Map<string, number>()

  get names(): readonly string[] {
    return this.#names
  }

  /** Those of applications have all their places. */
  get isFull(): boolean {
    return this.#places.size - this.#ours() >= METER_WORKFLOWS_MAX
  }

  /** As the application says it; '' = nobody in particular. */
  placeOf(tenant: string): number {
    return this.#place(nameOf(tenant))
  }

  /** One of NOBODY, OTHERS, BACKGROUND. */
  placeOfOurs(name: string): number {
    return this.#places.get(name) ?? this.#take(name)
  }

  /** undefined = it has none, and gets none by being asked for. */
  knownPlaceOf(tenant: string): number | undefined {
    return this.#places.get(nameOf(tenant))
  }

  /** Begins anew with these names, in this order. */
  renew(names: readonly string[]): void {
    this.#names.length = 0
    this.#places.clear()
    for (const name of names) this.#take(name)
  }

  #place(name: string): number {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    if (!OURS.has(name) && this.isFull) return this.placeOfOurs(OTHERS)
    return this.#take(name)
  }

  #take(name: string): number {
    const place = this.#names.push(name) - 1
    this.#places.set(name, place)
    return place
  }

  #ours(): number {
    let count = 0
    for (const name of OURS) if (this.#places.has(name)) count += 1
    return count
  }
}

/** As it stands in reports. */
export function nameOf(tenant: string): string {
  if (tenant === '') return NOBODY
  const cut = tenant.slice(0, TENANT_LENGTH_MAX)
  return cut.startsWith('(') ? `'${cut}` : cut
}
