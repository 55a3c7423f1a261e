// How the pipeline fares, with its past.

import type { Handler } from '../exchange.ts'
import { sendJson } from '../http-io.ts'
import { PIPELINE_MINUTES_MAX } from '../limits.ts'
import { wholeNumber } from './traces.ts'

export const getPipeline: Handler = ({ response, query }, { pipelineHistory }) => {
  const minutes = wholeNumber(query, 'minutes', { otherwise: 15, min: 1, max: PIPELINE_MINUTES_MAX })
  sendJson(response, 200, pipelineHistory.view(minutes))
}
