// The texts of our member that were read last, and what they stand for: requests of one tenant bring the same
// text, and the same object keeps what its readers found out about it (its text, who pays, where a bag is).
//
// A text is looked for in one place alone, so one that is never met again costs a comparison and a store. It
// comes without its MAC, which is asked for each time: comparing that here would tell by its time how much of
// it was right.
import type { Baggage } from '#baggage'
import { RECENT_TEXT_CHARS_MAX, RECENT_TEXTS } from './limits.ts'

/** Owned by one wire. */
export class RecentTexts {
  readonly #texts = Array.from({ length: RECENT_TEXTS }, () => '')
  readonly #baggages: (Baggage | undefined)[] = this.#texts.map(() => undefined)

  get(text: string): Baggage | undefined {
    const place = placeOf(text)
    return this.#texts[place] === text ? this.#baggages[place] : undefined
  }

  keep(text: string, baggage: Baggage): void {
    if (text.length > RECENT_TEXT_CHARS_MAX) return
    const place = placeOf(text)
    this.#texts[place] = text
    this.#baggages[place] = baggage
  }
}

/** Of its last four characters, where names that are counted up differ, and its length. */
function placeOf(text: string): number {
  const { length } = text
  let mixed = length
  for (let i = Math.max(0, length - 4); i < length; i += 1) mixed = Math.imul(mixed, 31) + text.charCodeAt(i)
  return (Math.imul(mixed, 0x9e3779b1) >>> 16) % RECENT_TEXTS
}
