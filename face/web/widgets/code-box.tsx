// Where a text editor stands; the editor and its language are loaded when it is first shown.

import { useEffect, useRef } from 'preact/hooks'
import type { Editor, Language } from './code-editor.ts'

/** `given`: what the address says; what is typed goes out by `onText` and never comes back in. */
export function CodeBox({
  given,
  load,
  onText,
  onRun,
  onOpen,
}: {
  readonly given: string
  readonly load: () => Promise<Language>
  readonly onText: (text: string) => void
  readonly onRun: () => void
  readonly onOpen?: (editor: Editor) => void
}) {
  const host = useRef<HTMLDivElement>(null)
  const editor = useRef<Editor>(undefined)
  const latest = useRef({ onText, onRun, given })
  latest.current = { onText, onRun, given }
  useEffect(() => {
    let isGone = false
    void Promise.all([import('./code-editor.ts'), load()]).then(([{ openEditor }, language]) => {
      if (isGone || host.current === null) return
      editor.current = openEditor(host.current, {
        text: latest.current.given,
        language,
        onText: (changed) => latest.current.onText(changed),
        onRun: () => latest.current.onRun(),
      })
      onOpen?.(editor.current)
    })
    return () => {
      isGone = true
      editor.current?.destroy()
    }
  }, [])
  useEffect(() => editor.current?.setText(given), [given])
  return <div class="code-box" ref={host} />
}
