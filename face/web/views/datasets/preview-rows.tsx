// The first rows of a definition that is being written.

import type { Trace } from '#model'
import type { DatasetRowPer } from '#protocol'
import { useEffect, useState } from 'preact/hooks'
import type { Preview } from '../../base/feature-preview.ts'
import { plural } from '../../base/format.ts'
import { useResource } from '../../base/resource.ts'
import { Button } from '../../widgets/controls.tsx'
import { FeatureRows } from '../../widgets/feature-rows.tsx'

/** While somebody types. */
const SETTLE_MS = 250

type Texts = { readonly features: string; readonly filter: string; readonly rowPer: DatasetRowPer }

export function PreviewRows({ texts }: { readonly texts: Texts }) {
  const sample = useResource(
    'sample',
    async (signal) => await (await import('../../base/feature-preview.ts')).sampleTraces(signal),
  )
  const preview = usePreview(texts, sample.value)
  return (
    <section class="editor-preview" aria-label="First rows">
      <header>
        <h2>First rows</h2>
        {preview !== undefined && (
          <span class="muted">
            {plural(preview.rowCount, 'row')} of {preview.traces} of the newest{' '}
            {plural(preview.sampled, 'trace')}
          </span>
        )}
        <span class="grow" />
        <Button title="Read the newest traces again" onClick={sample.reload}>
          Newer traces
        </Button>
      </header>
      {preview === undefined ? (
        <p class="explore-note muted" role="status">
          {sample.error !== undefined
            ? sample.error.message
            : sample.value === undefined
              ? 'Reading some traces…'
              : 'Rows are shown as soon as the text stands.'}
        </p>
      ) : (
        <FeatureRows preview={preview} />
      )}
    </section>
  )
}

/** The last that stood, until the text stands again. */
function usePreview(texts: Texts, traces: readonly Trace[] | undefined): Preview | undefined {
  const [preview, setPreview] = useState<Preview | undefined>(undefined)
  useEffect(() => {
    if (traces === undefined) return
    let isGone = false
    const timer = setTimeout(() => {
      void import('../../base/feature-preview.ts').then(({ previewOf }) => {
        const next = isGone ? undefined : previewOf(texts, traces)
        if (next !== undefined) setPreview(next)
      })
    }, SETTLE_MS)
    return () => {
      isGone = true
      clearTimeout(timer)
    }
  }, [texts.features, texts.filter, texts.rowPer, traces])
  return preview
}
