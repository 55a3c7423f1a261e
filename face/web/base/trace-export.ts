// A trace as the server exports it: spans as they came, page by page; each page is a request of OTLP/JSON
// and a line of the file.

import { getText } from './api.ts'
import { array, object } from './decode.ts'
import { EXPORT_PAGE_SPANS } from './limits.ts'

const counted = object({
  resourceSpans: array(object({ scopeSpans: array(object({ spans: array((span) => span) })) })),
})

/** onPage hears how many spans are here. Errors: ApiFailure. */
export async function exportTrace(
  traceId: string,
  signal: AbortSignal,
  onPage: (spans: number) => void,
): Promise<readonly string[]> {
  const lines: string[] = []
  for (let spans = 0; ;) {
    const page = `offset=${spans}&limit=${EXPORT_PAGE_SPANS}`
    const text = await getText(`/api/v1/traces/${traceId}/otlp?${page}`, signal)
    const here = spansIn(text)
    if (here > 0) lines.push(`${text.trimEnd()}\n`)
    spans += here
    onPage(spans)
    if (here < EXPORT_PAGE_SPANS) return lines
  }
}

function spansIn(text: string): number {
  const { resourceSpans } = counted(JSON.parse(text), 'export')
  return resourceSpans
    .flatMap(({ scopeSpans }) => scopeSpans)
    .reduce((sum, { spans }) => sum + spans.length, 0)
}
