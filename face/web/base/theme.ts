// Dark, light, or as the system says. The choice is taste, not state: it lives in local storage, not in the
// URL.

import { useEffect, useState } from 'preact/hooks'
import type { Theme } from './palette.ts'

export type ThemeChoice = Theme | 'system'

const KEY = 'crosscut.theme'
const CHANGED = 'crosscut:theme'
const prefersDark = matchMedia('(prefers-color-scheme: dark)')

export function themeChoice(): ThemeChoice {
  const stored = remember(KEY)
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

/** The theme in force. */
export function currentTheme(): Theme {
  const choice = themeChoice()
  return choice === 'system' ? (prefersDark.matches ? 'dark' : 'light') : choice
}

export function chooseTheme(choice: ThemeChoice): void {
  keep(KEY, choice === 'system' ? undefined : choice)
  applyTheme()
}

/** Puts the theme on the document; called once before the first drawing, so that nothing flashes. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = currentTheme()
  dispatchEvent(new Event(CHANGED))
}

/** Theme for what is drawn by hand; the component is drawn again when it changes. */
export function useTheme(): Theme {
  const [theme, setTheme] = useState(currentTheme)
  useEffect(() => {
    const read = (): void => setTheme(currentTheme())
    addEventListener(CHANGED, read)
    return () => removeEventListener(CHANGED, read)
  }, [])
  return theme
}

/** Follows the system's theme while the choice is 'system'. */
export function watchSystemTheme(): void {
  prefersDark.addEventListener('change', applyTheme)
}

/** A colour token for canvas. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/** 'tab': gone with the tab, and of no concern to other tabs. */
export type Memory = 'browser' | 'tab'

/** Storage can be forbidden; the app works without. */
export function remember(key: string, memory: Memory = 'browser'): string | undefined {
  try {
    return storageOf(memory).getItem(key) ?? undefined
  } catch {
    return undefined
  }
}

export function keep(key: string, value: string | undefined, memory: Memory = 'browser'): void {
  try {
    if (value === undefined) storageOf(memory).removeItem(key)
    else storageOf(memory).setItem(key, value)
  } catch {
    /* forbidden: the choice lasts until the page is left */
  }
}

function storageOf(memory: Memory): Storage {
  return memory === 'tab' ? sessionStorage : localStorage
}
