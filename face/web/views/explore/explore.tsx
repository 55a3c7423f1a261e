// A dataset, asked: which rows, what of them over time, how a number is spread, what is different about a
// region, and how two populations differ. The address is the state: explore-state.ts.
//
//   dataset (columns) -> facts (how many, from when to when) -> the chosen picture -> differences of a region

import './explore.css'
import type { DatasetView } from '#protocol'
import type { ComponentChildren } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import { readDataset } from '../../base/dataset-api.ts'
import { formatClock, formatCount, plural } from '../../base/format.ts'
import { useKeys } from '../../base/keys.ts'
import { useResource } from '../../base/resource.ts'
import { shortText } from '../../base/value-text.ts'
import { Button, CopyButton } from '../../widgets/controls.tsx'
import { Icon } from '../../widgets/icon.tsx'
import { ErrorNotice, Loading, Refused, StaleStrip } from '../../widgets/notice.tsx'
import { Tabs } from '../../widgets/tabs.tsx'
import { Text } from '../../widgets/text.tsx'
import { msToNs } from '../../widgets/time-axis.ts'
import { Answered, isRefusal } from './answered.tsx'
import { ColumnsSide } from './columns-side.tsx'
import { CompareView } from './compare-view.tsx'
import { Differences } from './differences.tsx'
import { GroupChoice, ShowChoice } from './explore-choices.tsx'
import { change, useComparison, useFacts, type Given } from './explore-data.ts'
import { regionCompare, regionConditions, type Facts } from './explore-query.ts'
import { readExplore, VIEWS, type Explore, type Region } from './explore-state.ts'
import { FilterBar } from './filter-bar.tsx'
import { GroupsTable } from './groups-table.tsx'
import { BandChoice, HeatPicture, NumberChoice } from './heat-picture.tsx'
import { LinesPicture } from './lines-picture.tsx'
import { RowsTable } from './rows-table.tsx'
import { withCondition } from './where.ts'

/** How often it is looked whether the dataset was changed. */
const DEFINITION_REFRESH_MS = 10_000

export function ExploreView({ name, query }: { readonly name: string; readonly query: URLSearchParams }) {
  const dataset = useResource(name, (signal) => readDataset(name, signal), {
    refreshMs: DEFINITION_REFRESH_MS,
  })
  useEffect(() => {
    document.title = `${name} · Datasets · Crosscut`
  }, [name])
  if (dataset.value === undefined || dataset.value.name !== name)
    return dataset.error !== undefined ? (
      <ErrorNotice error={dataset.error} onRetry={dataset.reload} />
    ) : (
      <Loading what="the dataset" />
    )
  return (
    <>
      {dataset.error !== undefined && <StaleStrip error={dataset.error} onRetry={dataset.reload} />}
      <Page dataset={dataset.value} query={query} />
    </>
  )
}

function Page({ dataset, query }: { readonly dataset: DatasetView; readonly query: URLSearchParams }) {
  const explore = useMemo(() => readExplore(query, dataset.columns), [query, JSON.stringify(dataset.columns)])
  const facts = useFacts(dataset, explore)
  useKeys({
    ...Object.fromEntries(VIEWS.map(({ id }, i) => [String(i + 1), () => change({ view: id })])),
    '/': () => document.querySelector<HTMLInputElement>('[data-role=search]')?.focus(),
    Escape: () => explore.region !== undefined && change({ region: undefined }),
  })
  const { view } = explore
  return (
    <div class="explore">
      <div class="explore-main">
        <Head dataset={dataset} facts={facts.value} />
        <FilterBar dataset={dataset} explore={explore} />
        {facts.error !== undefined &&
          (isRefusal(facts.error) ? (
            <Refused error={facts.error} />
          ) : (
            facts.value !== undefined && <StaleStrip error={facts.error} onRetry={facts.reload} />
          ))}
        <div class="explore-tabs">
          <Tabs
            label="Views of the dataset"
            tabs={VIEWS.map(({ id, label }, i) => ({
              id,
              label,
              title: `${label} (${i + 1})`,
              isOpen: true,
            }))}
            chosen={view}
            onChoose={(to) => change({ view: to })}
          />
          <span class="grow" />
          {(view === 'heat' || view === 'compare') && (
            <NumberChoice
              label={view === 'heat' ? 'Heatmap of' : 'Time is'}
              explore={explore}
              columns={dataset.columns}
            />
          )}
          {view === 'heat' && <BandChoice explore={explore} />}
          {view !== 'heat' && view !== 'rows' && <GroupChoice explore={explore} columns={dataset.columns} />}
        </div>
        {(view === 'lines' || view === 'groups') && (
          <div class="explore-choices">
            <ShowChoice explore={explore} columns={dataset.columns} />
          </div>
        )}
        <Asked facts={facts} dataset={dataset} explore={explore} />
      </div>
      <ColumnsSide dataset={dataset} explore={explore} facts={facts.value} />
    </div>
  )
}

function Asked({
  facts,
  dataset,
  explore,
}: {
  readonly facts: ReturnType<typeof useFacts>
  readonly dataset: DatasetView
  readonly explore: Explore
}) {
  const { value, error } = facts
  if (value === undefined) {
    if (error === undefined) return <Loading what="rows" />
    return isRefusal(error) ? null : <ErrorNotice error={error} onRetry={facts.reload} />
  }
  if (value.rows === 0) return <NoRows dataset={dataset} explore={explore} />
  const given: Given = { dataset, explore, facts: value }
  return (
    <div class={`explore-picture ${explore.view}${error === undefined ? '' : ' stale'}`}>
      {pictureOf(given)}
      {explore.region !== undefined && (explore.view === 'lines' || explore.view === 'heat') && (
        <RegionDifferences {...given} region={explore.region} />
      )}
    </div>
  )
}

function pictureOf(given: Given): ComponentChildren {
  switch (given.explore.view) {
    case 'lines':
      return <LinesPicture {...given} />
    case 'heat':
      return <HeatPicture {...given} />
    case 'groups':
      return <GroupsTable {...given} />
    case 'rows':
      return <RowsTable {...given} />
    case 'compare':
      return <CompareView {...given} />
  }
}

function RegionDifferences({ dataset, explore, facts, region }: Given & { readonly region: Region }) {
  const asked = useComparison(dataset.name, regionCompare(explore, facts, region))
  const text = regionTextOf(region, explore.of)
  const keep = (): void =>
    change({
      where: regionConditions(region, explore.of).reduce<readonly string[]>(withCondition, explore.where),
      region: undefined,
    })
  return (
    <section class="region" aria-label="What is different">
      <header>
        <h2>What is different there</h2>
        <span class="chip">
          <span class="chip-value">
            <Text of={text} />
          </span>
          <button
            type="button"
            aria-label="Clear the region (Esc)"
            onClick={() => change({ region: undefined })}
          >
            <Icon name="close" size={10} />
          </button>
        </span>
        <Button title="Make the region a condition" onClick={keep}>
          Only these rows
        </Button>
        <Button title="Its rows, each with its trace" onClick={() => change({ view: 'rows' })}>
          See them
        </Button>
      </header>
      <Answered asked={asked} what="what is different">
        {(comparison) => (
          <Differences
            comparison={comparison}
            names={['the region', 'the rest']}
            where={explore.where}
            chosenBy={region.low === undefined && region.high === undefined ? [] : [explore.of ?? '']}
          />
        )}
      </Answered>
    </section>
  )
}

function regionTextOf({ fromMs, toMs, low, high }: Region, of: string | undefined): string {
  const time = `${formatClock(msToNs(fromMs)).slice(0, 8)} – ${formatClock(msToNs(toMs)).slice(0, 8)}`
  if (of === undefined || (low === undefined && high === undefined)) return time
  const bound = (value: number | undefined): string => (value === undefined ? '' : shortText(value))
  return `${time}, ${of} ${bound(low)} – ${bound(high)}`
}

function Head({ dataset, facts }: { readonly dataset: DatasetView; readonly facts: Facts | undefined }) {
  const stands =
    facts !== undefined && Math.abs(facts.weight - facts.rows) > 0.5
      ? `, for ${formatCount(Math.round(facts.weight))}`
      : ''
  return (
    <header class="explore-head">
      <a class="text-button" href="/datasets">
        Datasets
      </a>
      <Icon name="right" size={11} />
      <h1>
        <Text of={dataset.name} />
      </h1>
      <span class="muted">
        a row {dataset.rowPer === 'trace' ? 'a trace' : `each ${dataset.rowPer} of a trace`}
      </span>
      {facts !== undefined && (
        <span role="status" title="Rows that fulfil the conditions">
          <b>{formatCount(facts.rows)}</b> {plural(facts.rows, 'row').replace(/^\S+ /, '')}
          {stands}
        </span>
      )}
      <span class="grow" />
      <a class="button plain" href={`/datasets?edit=${encodeURIComponent(dataset.name)}`}>
        Definition
      </a>
      <CopyButton get={() => location.href} label="Copy a link to what is seen here">
        Share
      </CopyButton>
    </header>
  )
}

function NoRows({ dataset, explore }: { readonly dataset: DatasetView; readonly explore: Explore }) {
  const isFiltered = explore.where.length > 0
  return (
    <div class="notice empty" role="status">
      <h2>{isFiltered ? 'No row fulfils the conditions' : 'No rows in this time'}</h2>
      <p class="muted">
        {isFiltered
          ? 'Take one away above, or look at a longer time.'
          : 'Rows come some seconds after a trace has ended. Stored traces get theirs by a backfill.'}
      </p>
      <p class="row">
        {isFiltered ? (
          <Button onClick={() => change({ where: [] })}>Without conditions</Button>
        ) : (
          <a class="button plain" href={`/datasets?edit=${encodeURIComponent(dataset.name)}`}>
            Definition and backfill
          </a>
        )}
        {explore.range.kind !== 'all' && (
          <Button onClick={() => change({ range: { kind: 'all' } })}>All there is</Button>
        )}
      </p>
    </div>
  )
}
