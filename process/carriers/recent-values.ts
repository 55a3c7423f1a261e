// The values of our member that were read last, and what they stand for: requests of one tenant bring the
// same value, and the same object keeps what its readers found out about it (its text, who pays, where a bag
// is).
//
// A value is looked for in one place alone, so one that is never met again costs a comparison and a store.
import type { Baggage } from '#baggage'
import { RECENT_VALUE_CHARS_MAX, RECENT_VALUES } from './limits.ts'

/** Owned by one wire, for what a key proved once is not asked again. */
export class RecentValues {
  readonly #values = Array.from({ length: RECENT_VALUES }, () => '')
  readonly #baggages: (Baggage | undefined)[] = this.#values.map(() => undefined)

  get(value: string): Baggage | undefined {
    const place = placeOf(value)
    return this.#values[place] === value ? this.#baggages[place] : undefined
  }

  keep(value: string, baggage: Baggage): void {
    if (value.length > RECENT_VALUE_CHARS_MAX) return
    const place = placeOf(value)
    this.#values[place] = value
    this.#baggages[place] = baggage
  }
}

/** Of its last four characters, where names that are counted up differ, and its length. */
function placeOf(value: string): number {
  const { length } = value
  let mixed = length
  for (let i = Math.max(0, length - 4); i < length; i += 1) mixed = Math.imul(mixed, 31) + value.charCodeAt(i)
  return ((Math.imul(mixed, 0x9e3779b1) >>> 16) % RECENT_VALUES) | 0
}
