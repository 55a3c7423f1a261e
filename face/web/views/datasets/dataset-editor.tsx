// A dataset as its owner writes it: which traces, what is a row, the features. Mistakes stand where they are,
// the first rows beside; saving makes it live at once.

import type { DatasetDefinition, DatasetRowPer, DatasetView } from '#protocol'
import { useEffect, useRef, useState } from 'preact/hooks'
import { removeDataset, saveDataset, type SavedDataset } from '../../base/dataset-api.ts'
import { useFacets } from '../../base/facets.tsx'
import { formatAgo, formatDay, plural } from '../../base/format.ts'
import { datasetAddress, navigate, traceAddress } from '../../base/route.ts'
import { CodeBox } from '../../widgets/code-box.tsx'
import { Button, Select } from '../../widgets/controls.tsx'
import { Icon } from '../../widgets/icon.tsx'
import { Refused } from '../../widgets/notice.tsx'
import { Text } from '../../widgets/text.tsx'
import { msToNs } from '../../widgets/time-axis.ts'
import { BackfillStart } from './backfill.tsx'
import { failed } from './failure.ts'
import { PreviewRows } from './preview-rows.tsx'

const ROW_PER: readonly { readonly value: DatasetRowPer; readonly label: string }[] = [
  { value: 'trace', label: 'a trace' },
  { value: 'unit', label: 'each unit of a trace' },
  { value: 'block', label: 'each block of a trace' },
  { value: 'point', label: 'each point of a trace' },
  { value: 'edge', label: 'each edge of a trace' },
]
const NEW: DatasetDefinition = {
  owner: '',
  filter: '',
  features: `Trace | Duration | In(ms) | RecordAs("duration_ms")
Blocks | Count | RecordAs("spans")
Blocks | Filter(error) | Exists | RecordAs("failed")
`,
  rowPer: 'trace',
}
const ANSWER_MS_MAX = 30_000

export function DatasetEditor({
  name: edited,
  dataset,
  saved,
  owners,
  onSaved,
  onChanged,
}: {
  /** '' = a new one. */
  readonly name: string
  readonly dataset: DatasetView | undefined
  /** What was saved last. */
  readonly saved: SavedDataset | undefined
  readonly owners: readonly string[]
  readonly onSaved: (saved: SavedDataset) => void
  /** The list is to be asked again. */
  readonly onChanged: () => void
}) {
  const [name, setName] = useState(edited)
  // Others may change it meanwhile: what is being written stays.
  const [given, setGiven] = useState<DatasetDefinition>(() => definitionOf(dataset))
  const [draft, setDraft] = useState(given)
  const { saving, save, remove } = useSaving({
    name,
    draft,
    onSaved: (answer) => {
      setGiven(draft)
      onSaved(answer)
      onChanged()
    },
    onRemoved: onChanged,
  })
  const { attributeKeys } = useFacets()
  const context = useRef({ rowPer: draft.rowPer, attributes: attributeKeys })
  context.current = { rowPer: draft.rowPer, attributes: attributeKeys }
  const latestSave = useRef(save)
  latestSave.current = save
  useEffect(() => {
    document.title = `${edited === '' ? 'New dataset' : edited} · Crosscut`
  }, [edited])
  const set = (part: Partial<DatasetDefinition>): void => setDraft((old) => ({ ...old, ...part }))
  const isNew = dataset === undefined
  return (
    <div class="dataset-editor">
      <header class="explore-head">
        <a class="text-button" href="/datasets">
          Datasets
        </a>
        <Icon name="right" size={11} />
        <h1>{isNew ? 'New dataset' : <Text of={dataset.name} />}</h1>
        {!isNew && (
          <span class="muted">
            version {dataset.version}, {formatAgo(Date.now() - dataset.changedMs)} by{' '}
            <Text of={dataset.changedBy} />
          </span>
        )}
        <span class="grow" />
        {!isNew && (
          <a class="button plain" href={datasetAddress(dataset.name)}>
            Explore
          </a>
        )}
        <Button kind="primary" icon="check" title="Ctrl + Enter" onClick={save}>
          {isNew ? 'Create' : 'Save'}
        </Button>
      </header>
      <div class="editor-fields">
        {isNew && (
          <label class="editor-field">
            <span>Name</span>
            <span class="field">
              <input
                type="text"
                spellcheck={false}
                autocomplete="off"
                value={name}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            </span>
          </label>
        )}
        <label class="editor-field">
          <span>Owner</span>
          <span class="field">
            <input
              type="text"
              spellcheck={false}
              list="dataset-owners"
              title="Cost and quarantine are by owner"
              value={draft.owner}
              onInput={(event) => set({ owner: event.currentTarget.value })}
            />
          </span>
          <datalist id="dataset-owners">
            {owners.map((owner) => (
              <option key={owner} value={owner} />
            ))}
          </datalist>
        </label>
        <div class="editor-field">
          <span>A row is</span>
          <Select
            label="What a row is"
            value={draft.rowPer}
            options={ROW_PER}
            onChange={(rowPer) =>
              set({ rowPer: ROW_PER.find(({ value }) => value === rowPer)?.value ?? 'trace' })
            }
          />
        </div>
      </div>
      <Said saving={saving} saved={saved} />
      <div class="editor-body">
        <div class="editor-texts">
          <section class="editor-part" aria-label="Which traces">
            <h2>Which traces</h2>
            <div class="editor-code filter">
              <CodeBox
                given={given.filter}
                load={async () =>
                  (await import('../../widgets/feature-language.ts')).filterLanguage(() => context.current)
                }
                onText={(filter) => set({ filter })}
                onRun={() => latestSave.current()}
              />
            </div>
          </section>
          {dataset?.file === undefined ? (
            <section class="editor-part grow" aria-label="Features of a row">
              <h2>Features: each RecordAs is a column</h2>
              <div class="editor-code">
                <CodeBox
                  given={given.features}
                  load={async () =>
                    (await import('../../widgets/feature-language.ts')).featureLanguage(() => context.current)
                  }
                  onText={(features) => set({ features })}
                  onRun={() => latestSave.current()}
                />
              </div>
            </section>
          ) : (
            <FeatureFile file={dataset.file} dataset={dataset} />
          )}
          {!isNew && <BackfillStart name={dataset.name} backfill={dataset.backfill} onStarted={onChanged} />}
          {!isNew && <History dataset={dataset} onRemove={remove} />}
        </div>
        {draft.file === undefined && <PreviewRows texts={draft} />}
      </div>
    </div>
  )
}

function definitionOf(dataset: DatasetView | undefined): DatasetDefinition {
  if (dataset === undefined) return NEW
  const { owner, filter, features, file, rowPer, retentionHours, maxBytes } = dataset
  return {
    owner,
    filter,
    ...(file === undefined ? { features } : { features: '', file }),
    rowPer,
    ...(retentionHours === undefined ? {} : { retentionHours }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  }
}

/** It is the server's: read when the dataset is saved, and not written here. */
function FeatureFile({ file, dataset }: { readonly file: string; readonly dataset: DatasetView }) {
  const failure = dataset.use?.lastFailure
  return (
    <section class="editor-part grow" aria-label="Features of a row">
      <h2>
        Features: <Text of={file} />, as it was read for this version
      </h2>
      {failure !== undefined && (
        <p class="refused" role="alert">
          <Text of={failure.message} />{' '}
          <a class="text-button" href={traceAddress(failure.traceId)}>
            the trace
          </a>
        </p>
      )}
      <pre class="editor-source mono">
        <Text of={dataset.features} />
      </pre>
      <p class="muted">
        Saving reads it again from the server’s folder of features. It runs in a process of its owner.
      </p>
    </section>
  )
}

type Saving =
  | { readonly state: 'quiet' | 'saving' | 'saved' }
  | { readonly state: 'failed'; readonly error: Error }

function useSaving({
  name,
  draft,
  onSaved,
  onRemoved,
}: {
  readonly name: string
  readonly draft: DatasetDefinition
  readonly onSaved: (saved: SavedDataset) => void
  readonly onRemoved: () => void
}) {
  const [saving, setSaving] = useState<Saving>({ state: 'quiet' })
  const fail = (error: unknown): void => setSaving({ state: 'failed', error: failed(error) })
  const put = async (): Promise<void> => {
    if (name.trim() === '') return fail(new Error('The dataset needs a name.'))
    setSaving({ state: 'saving' })
    try {
      const saved = await saveDataset(name.trim(), draft, AbortSignal.timeout(ANSWER_MS_MAX))
      setSaving({ state: 'saved' })
      onSaved(saved)
      navigate(`/datasets?edit=${encodeURIComponent(saved.name)}`, { replace: true })
    } catch (error: unknown) {
      fail(error)
    }
  }
  const remove = async (): Promise<void> => {
    try {
      await removeDataset(name, AbortSignal.timeout(ANSWER_MS_MAX))
      onRemoved()
      navigate('/datasets')
    } catch (error: unknown) {
      fail(error)
    }
  }
  return { saving, save: () => void put(), remove: () => void remove() }
}

function Said({ saving, saved }: { readonly saving: Saving; readonly saved: SavedDataset | undefined }) {
  if (saving.state === 'saving')
    return (
      <p class="editor-said muted" role="status">
        Saving: it is tried on some traces first…
      </p>
    )
  if (saving.state === 'failed') return <Refused error={saving.error} />
  if (saved === undefined) return null
  return (
    <p class="editor-said ok" role="status">
      Version {saved.version} is live{trialText(saved)}.{' '}
      <a class="text-button" href={datasetAddress(saved.name)}>
        Explore its rows
      </a>
    </p>
  )
}

function trialText({ trial }: SavedDataset): string {
  if (trial === undefined || trial.traces === 0) return ''
  const each = (trial.cpuMs * 1000) / trial.traces
  return `; tried on ${plural(trial.traces, 'stored trace')}: ${plural(trial.rows, 'row')}, ${each.toFixed(0)} µs a trace`
}

function History({ dataset, onRemove }: { readonly dataset: DatasetView; readonly onRemove: () => void }) {
  const [isSure, setSure] = useState(false)
  return (
    <section class="editor-part" aria-label="Earlier versions">
      <h2>Earlier versions</h2>
      {dataset.history.length === 0 ? (
        <p class="muted">This is the first.</p>
      ) : (
        <ul class="editor-history">
          {dataset.history.map(({ version, changedMs, by }) => (
            <li key={version}>
              v{version} <span class="muted">{formatDay(msToNs(changedMs))} by</span> <Text of={by} />
            </li>
          ))}
        </ul>
      )}
      <p class="row">
        {isSure ? (
          <>
            <Button onClick={onRemove}>Remove it and its rows</Button>
            <button type="button" class="text-button" onClick={() => setSure(false)}>
              Keep it
            </button>
          </>
        ) : (
          <Button onClick={() => setSure(true)}>Remove…</Button>
        )}
      </p>
    </section>
  )
}
