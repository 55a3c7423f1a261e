// Baggage as words, for tests: each word is one atom.
import { Baggage } from '#baggage'
import { context } from '../context.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function words(...all: string[]): Baggage {
  return all.reduce((baggage, word) => baggage.join(Baggage.of([encoder.encode(word)])), Baggage.empty)
}

/** Adds a word to what is current. */
export function pack(word: string): void {
  context.update((baggage) => baggage.join(words(word)))
}

/** What is current, in order: 'a b c'. */
export function seen(): string {
  return context
    .current()
    .atoms.map((atom) => decoder.decode(atom))
    .join(' ')
}
