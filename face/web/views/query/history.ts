// Texts that were run in this browser, newest first. Taste, not state: in local storage.

import { keep, remember } from '../../base/theme.ts'

const KEY = 'crosscut.queries'
const TEXTS_MAX = 20

export function pastQueries(): readonly string[] {
  try {
    const value: unknown = JSON.parse(remember(KEY) ?? '[]')
    return Array.isArray(value) ? value.filter((text) => typeof text === 'string').slice(0, TEXTS_MAX) : []
  } catch {
    return []
  }
}

export function rememberQuery(text: string): void {
  const others = pastQueries().filter((past) => past !== text)
  keep(KEY, JSON.stringify([text, ...others].slice(0, TEXTS_MAX)))
}
