// Where the editor stands; it is loaded when the view is first opened.

import { useEffect, useRef } from 'preact/hooks'
import { useKeys } from '../../base/keys.ts'
import type { Tracepoint } from '../../base/api.ts'
import type { Editor } from './editor.ts'

/** `given`: what the address says; what is typed goes out by `onText` and never comes back in. */
export function EditorBox({
  given,
  vocabulary,
  views,
  onText,
  onRun,
}: {
  readonly given: string
  readonly vocabulary: readonly Tracepoint[] | undefined
  /** Named queries that run: a text can read them. */
  readonly views: Readonly<Record<string, string>>
  readonly onText: (text: string) => void
  readonly onRun: () => void
}) {
  const host = useRef<HTMLDivElement>(null)
  const editor = useRef<Editor>(undefined)
  const latest = useRef({ onText, onRun, given })
  latest.current = { onText, onRun, given }
  const around = useRef({})
  around.current = vocabulary === undefined ? { views } : { vocabulary, views }
  useEffect(() => {
    let isGone = false
    void import('./editor.ts').then(({ openEditor }) => {
      if (isGone || host.current === null) return
      editor.current = openEditor(host.current, {
        text: latest.current.given,
        around: () => around.current,
        onText: (changed) => latest.current.onText(changed),
        onRun: () => latest.current.onRun(),
      })
      if (latest.current.given === '') editor.current.focus()
    })
    return () => {
      isGone = true
      editor.current?.destroy()
    }
  }, [])
  useEffect(() => editor.current?.setText(given), [given])
  useKeys({ '/': () => editor.current?.focus() })
  return <div class="query-editor" ref={host} />
}
