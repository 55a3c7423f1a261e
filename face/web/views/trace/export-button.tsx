// Takes the trace along as the server exports it: OTLP/JSON, one request a line for each page of its spans,
// which `crosscut import` and any OTLP receiver read again without loss.

import { useEffect, useRef, useState } from 'preact/hooks'
import { formatCount, plural } from '../../base/format.ts'
import { EXPORT_SPANS_MAX } from '../../base/limits.ts'
import { exportTrace } from '../../base/trace-export.ts'
import { Button } from '../../widgets/controls.tsx'
import { Text } from '../../widgets/text.tsx'

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'reading'; readonly spans: number }
  | { readonly kind: 'failed'; readonly message: string }

export function ExportButton({
  traceId,
  totalSpans,
}: {
  readonly traceId: string
  readonly totalSpans: number
}) {
  const [state, setState] = useState<State>({ kind: 'idle' })
  const running = useRef<AbortController>(undefined)
  useEffect(() => () => running.current?.abort(), [])
  if (totalSpans > EXPORT_SPANS_MAX)
    return (
      <span
        class="muted"
        title={`More than ${formatCount(EXPORT_SPANS_MAX)} spans are too many for a page to hold`}
      >
        <code>crosscut export {traceId.slice(0, 8)}…</code>
      </span>
    )
  const take = async (): Promise<void> => {
    running.current?.abort()
    const { signal } = (running.current = new AbortController())
    try {
      const lines = await exportTrace(traceId, signal, (spans) => setState({ kind: 'reading', spans }))
      saveFile(new Blob([...lines], { type: 'application/x-ndjson' }), `trace-${traceId}.otlp.jsonl`)
      setState({ kind: 'idle' })
    } catch (error: unknown) {
      if (!signal.aborted) setState({ kind: 'failed', message: String(Object(error).message) })
    }
  }
  return (
    <>
      <Button
        icon="download"
        title="Download the trace as OTLP JSON, as it came"
        isDisabled={state.kind === 'reading'}
        onClick={() => void take()}
      >
        OTLP
        {state.kind === 'reading' && state.spans > 0 && (
          <span class="muted"> {plural(state.spans, 'span')}</span>
        )}
      </Button>
      {state.kind === 'failed' && (
        <span class="error-mark" role="alert">
          <Text of={state.message} />
        </span>
      )}
    </>
  )
}

function saveFile(content: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  // The browser has taken hold of it when the click returns.
  setTimeout(() => URL.revokeObjectURL(link.href), 0)
}
