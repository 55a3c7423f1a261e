// Texts that were run in this browser, newest first, and the ids they got. Taste, not state: in local
// storage.

import { keep, remember } from '../../base/theme.ts'

const TEXTS = 'crosscut.queries'
const TEXTS_MAX = 20
const IDS = 'crosscut.query-ids'
/** As many as can run at one time. */
const IDS_MAX = 128

export const pastQueries = (): readonly string[] => listOf(TEXTS).slice(0, TEXTS_MAX)

/** Ids of queries that this browser installed. */
export const ownQueries = (): ReadonlySet<string> => new Set(listOf(IDS))

export function rememberQuery({ id, text }: { readonly id: string; readonly text: string }): void {
  put(TEXTS, text, TEXTS_MAX)
  put(IDS, id, IDS_MAX)
}

export const forgetQueries = (): void => keep(TEXTS, undefined)

function put(key: string, first: string, most: number): void {
  const others = listOf(key).filter((one) => one !== first)
  keep(key, JSON.stringify([first, ...others].slice(0, most)))
}

function listOf(key: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(remember(key) ?? '[]')
    return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : []
  } catch {
    return []
  }
}
