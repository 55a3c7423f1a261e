// Where the text of a query is written.

import { useRef } from 'preact/hooks'
import { useKeys } from '../../base/keys.ts'
import type { Tracepoint } from '../../base/api.ts'
import { CodeBox } from '../../widgets/code-box.tsx'
import type { Editor } from '../../widgets/code-editor.ts'

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
  const editor = useRef<Editor>(undefined)
  const around = useRef({})
  around.current = vocabulary === undefined ? { views } : { vocabulary, views }
  useKeys({ '/': () => editor.current?.focus() })
  return (
    <div class="query-editor">
      <CodeBox
        given={given}
        load={async () => (await import('./editor.ts')).queryLanguage(() => around.current)}
        onText={onText}
        onRun={onRun}
        onOpen={(opened) => {
          editor.current = opened
          if (given === '') opened.focus()
        }}
      />
    </div>
  )
}
