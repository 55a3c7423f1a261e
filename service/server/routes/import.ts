// Files of traces, taken in.

import { importFile } from '../handlers/import.ts'
import type { Route } from './route.ts'

export const IMPORT_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/v1/import',
    access: 'admin',
    query: { format: 'otlp (JSON, one or one a line, or protobuf), jaeger or zipkin (version 2)' },
    body: 'SpanFile',
    answer: 'ImportCounts',
    handler: importFile,
    summary:
      "Takes a file's spans, durable when it answers; bad ones are left out and counted. 20 MiB, gzip and zstd too.",
  },
]
