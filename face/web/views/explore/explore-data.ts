// What the page has asked, by the question itself: an answer stays, marked stale, until the next one is
// there.

import type { DatasetCompare, DatasetComparison, DatasetQuery, DatasetResult, DatasetView } from '#protocol'
import { askDataset, compareDataset } from '../../base/dataset-api.ts'
import { EXPLORE_REFRESH_MS } from '../../base/limits.ts'
import { useResource, type Resource } from '../../base/resource.ts'
import { changeAddress } from '../../base/route.ts'
import { factsOf, factsQuery, timesOf, type Facts } from './explore-query.ts'
import { changed, type Change, type Explore } from './explore-state.ts'

/** What every picture is given. */
export type Given = {
  readonly dataset: DatasetView
  readonly explore: Explore
  readonly facts: Facts
}

/** A change of what is asked is a step of the browser's back button. */
export function change(made: Change): void {
  changeAddress((query) => changed(query, made))
}

export function useAsked(name: string, query: DatasetQuery | undefined): Resource<DatasetResult> {
  const key = query === undefined ? undefined : JSON.stringify([name, query])
  return useResource(key, (signal) => askDataset(name, query!, signal))
}

export function useComparison(
  name: string,
  request: DatasetCompare | undefined,
): Resource<DatasetComparison> {
  const key = request === undefined ? undefined : JSON.stringify([name, request])
  return useResource(key, (signal) => compareDataset(name, request!, signal))
}

/** Asked again by itself while the range goes up to now. */
export function useFacts(dataset: DatasetView | undefined, explore: Explore | undefined): Resource<Facts> {
  const key =
    dataset === undefined || explore === undefined
      ? undefined
      : JSON.stringify([dataset.name, dataset.version, explore.where, explore.range, explore.of])
  const isMoving = explore?.range.kind === 'last' && explore.view !== 'compare'
  return useResource(
    key,
    async (signal) => {
      const times = timesOf(explore!.range, Date.now())
      return factsOf(await askDataset(dataset!.name, factsQuery(explore!, times), signal), times)
    },
    isMoving ? { refreshMs: EXPLORE_REFRESH_MS } : {},
  )
}

/** Whether what is shown belongs to an older question. */
export const isStale = <T>(resource: Resource<T>, key: string): boolean =>
  resource.value !== undefined && resource.valueKey !== key
