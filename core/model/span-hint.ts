// What a span's name leaves unsaid. By OpenTelemetry's conventions the name of an HTTP span without a known
// route is the bare method, so that names stay few; a reader still wants to see which path it was.

import type { SpanView } from '#protocol'

/** The path of an HTTP span whose name is only its method, else ''. Untrusted text, like the name. */
export function spanHint(span: SpanView): string {
  const { attributes } = span
  if (span.name !== attributes['http.request.method']) return ''
  const path = attributes['url.path']
  if (typeof path === 'string') return path
  const full = attributes['url.full']
  return typeof full === 'string' && URL.canParse(full) ? new URL(full).pathname : ''
}
