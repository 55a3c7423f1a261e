// How far behind the pipeline is.

import { getPipeline } from '../handlers/pipeline.ts'
import type { Route } from './route.ts'

export const PIPELINE_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/pipeline',
    access: 'read',
    query: { minutes: 'how far back, 1..60, default 15' },
    answer: 'PipelineView',
    handler: getPipeline,
    summary: 'How far behind rows are, what waits, and every loss with its cause, over time.',
  },
]
