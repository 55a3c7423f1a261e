// Collects what is wrong with a text, so that one pass finds all.

import { spanOf, type Diagnostic } from './diagnostic.ts'

/** Messages for one text; after so many nobody reads on. */
export const DIAGNOSTICS_MAX = 50

/** Half-open range of UTF-16 offsets. */
export type Range = { readonly start: number; readonly end: number }

export type Help = { readonly note?: string; readonly suggestion?: string }

export class Reporter {
  readonly #text: string
  readonly #where: string | undefined
  readonly #found: Diagnostic[] = []

  /** `where`: the view whose text this is; undefined for the query itself. */
  constructor(text: string, where?: string) {
    this.#text = text
    this.#where = where
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.#found
  }

  get hasErrors(): boolean {
    return this.#found.some(({ severity }) => severity === 'error')
  }

  error(range: Range, message: string, help: Help = {}): void {
    this.#add({ severity: 'error', range, message, help })
  }

  warning(range: Range, message: string, help: Help = {}): void {
    this.#add({ severity: 'warning', range, message, help })
  }

  #add(found: { severity: 'error' | 'warning'; range: Range; message: string; help: Help }): void {
    if (this.#found.length >= DIAGNOSTICS_MAX) return
    const { severity, range, message, help } = found
    const prefix = this.#where === undefined ? '' : `in view ${this.#where}: `
    this.#found.push({
      severity,
      span: spanOf(this.#text, range.start, range.end),
      message: prefix + message,
      ...help,
    })
  }
}
