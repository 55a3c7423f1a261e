// Runs a function of the host inside a span.

import type { Span } from './span.ts'
import type { Spans } from './spans-api.ts'

/** Ends a block; guarded. */
export type EndBlock = (span: Span, isFailed: boolean, error: unknown) => void

/**
 * The host's function runs outside every guard: what it throws is the host's. A promise is followed on a
 * branch of its own, whose rejection is handled only if the host handles the one it was given: so the one
 * given is the derived one.
 */
export function runInside(
  span: Span,
  fn: () => unknown,
  { spans, end }: { spans: Spans; end: EndBlock },
): unknown {
  return spans.runActive(span, () => {
    let result
    try {
      result = fn()
    } catch (error: unknown) {
      end(span, true, error)
      throw error
    }
    if (result instanceof Promise) return followed(result, span, end)
    end(span, false, undefined)
    return result
  })
}

function followed(result: Promise<unknown>, span: Span, end: EndBlock): Promise<unknown> {
  return result.then(
    (value) => {
      end(span, false, undefined)
      return value
    },
    (error: unknown) => {
      end(span, true, error)
      throw error
    },
  )
}
