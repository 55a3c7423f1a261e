// Keyboard. A view binds keys to verbs; typing in a field never triggers one, except Escape, and Enter
// presses what has the focus.

import { useEffect, useRef } from 'preact/hooks'

/** Keys by `event.key`; 'g t' is g, then t within a second. */
export type KeyMap = { readonly [key: string]: (event: KeyboardEvent) => void }

const SEQUENCE_MS = 1_000

export function useKeys(map: KeyMap): void {
  const latest = useRef(map)
  latest.current = map
  useEffect(() => {
    let before = ''
    let beforeMs = 0
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
      // In an editor with a shadow root the target is its host: the path begins where the key was pressed.
      const target = event.composedPath()[0]
      if (isTyping(target) && event.key !== 'Escape') return
      if (event.key === 'Enter' && isPressed(target)) return
      if (document.querySelector('dialog[open]') !== null) return
      const now = event.timeStamp
      const sequence = now - beforeMs < SEQUENCE_MS ? `${before} ${event.key}` : ''
      before = event.key
      beforeMs = now
      const act = latest.current[sequence] ?? latest.current[event.key]
      if (act === undefined) return
      event.preventDefault()
      act(event)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}

/** The browser makes a click of Enter on these. */
function isPressed(target: EventTarget | undefined): boolean {
  return target instanceof Element && target.matches('button, a[href], summary')
}

function isTyping(target: EventTarget | undefined): boolean {
  return (
    (target instanceof HTMLElement && target.isContentEditable) ||
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
  )
}
