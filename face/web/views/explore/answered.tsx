// An answer, or what stands in its place: loading, an error, and an old answer marked as such.

import type { ComponentChildren } from 'preact'
import { ApiFailure } from '../../base/api.ts'
import type { Resource } from '../../base/resource.ts'
import { ErrorNotice, Loading, Refused } from '../../widgets/notice.tsx'

export function Answered<T>({
  asked,
  what,
  children,
}: {
  readonly asked: Resource<T>
  readonly what: string
  readonly children: (value: T) => ComponentChildren
}) {
  const { value, error, isLoading, reload } = asked
  if (value === undefined)
    return error === undefined ? (
      <Loading what={what} />
    ) : isRefusal(error) ? (
      <Refused error={error} />
    ) : (
      <ErrorNotice error={error} onRetry={reload} />
    )
  return (
    <>
      {error !== undefined && <Refused error={error} />}
      <div class={`answered${error !== undefined ? ' stale' : ''}`} aria-busy={isLoading}>
        {children(value)}
      </div>
    </>
  )
}

/** The question cannot be answered as it is: asking again would not help. */
export const isRefusal = (error: Error): error is ApiFailure =>
  error instanceof ApiFailure && error.status >= 400 && error.status < 500 && error.status !== 401
