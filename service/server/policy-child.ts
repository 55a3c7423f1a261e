// Entry of a policy's process: loads one file that somebody wrote, and steps it over pictures of the system.
// What it remembers from step to step stays here.

import { registerHooks } from 'node:module'
import { Worker } from 'node:worker_threads'
import { PictureApi, PolicyError, type Picture, type PolicyErrorCode, type Wish } from '#control'
import type { Policy } from '#fair'

export type PolicyQuestion = {
  readonly picture: Picture
  readonly params: Readonly<Record<string, number>>
  /** Remembers nothing of it. */
  readonly isTrial: boolean
}
export type PolicyAnswer =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'wishes'; readonly wishes: readonly Wish[] }
  | { readonly kind: 'failed'; readonly code: PolicyErrorCode; readonly message: string }

const url = process.argv[2] ?? ''
const tell = (answer: PolicyAnswer): void => void process.send?.(answer)

// A loop would outlive the server: nobody listens in this thread then.
const WATCH = `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, 9), 1_000)`
new Worker(WATCH, { eval: true }).unref()

// Wherever the file lies, `crosscut/control` is ours.
const ours = new URL('./public.ts', import.meta.resolve('#fair')).href
registerHooks({
  resolve: (specifier, context, next) => next(specifier === 'crosscut/control' ? ours : specifier, context),
})

let state: unknown
try {
  const policy = policyIn(await load())
  process.on('message', (question: PolicyQuestion) => {
    try {
      tell({ kind: 'wishes', wishes: step(policy, question) })
    } catch (error: unknown) {
      tell(failureOf(error, 'E_POLICY_THREW'))
    }
  })
  tell({ kind: 'loaded' })
} catch (error: unknown) {
  tell(failureOf(error, 'E_POLICY_LOAD'))
}

async function load(): Promise<object> {
  return (await import(url)) as object
}

function policyIn(loaded: object): Policy {
  const found = [...new Set(Object.values(loaded))].filter(isPolicy)
  const [policy] = found
  if (policy !== undefined && found.length === 1) return policy
  throw new PolicyError(
    'E_POLICY_SHAPE',
    policy === undefined
      ? "it exports no policy: export const mine: Policy = { name: 'mine', step(api, params, state) {} }"
      : `it exports ${found.length} policies: a file has one`,
  )
}

function isPolicy(value: unknown): value is Policy {
  return (
    typeof value === 'object' &&
    value !== null &&
    'step' in value &&
    typeof value.step === 'function' &&
    'name' in value &&
    typeof value.name === 'string'
  )
}

function step(policy: Policy, { picture, params, isTrial }: PolicyQuestion): readonly Wish[] {
  const api = new PictureApi(picture)
  const next = policy.step(api, { ...params }, state)
  if (next instanceof Promise) {
    next.catch(() => {})
    throw new PolicyError('E_POLICY_SHAPE', 'step gave a promise: it must have decided when it returns')
  }
  if (!isTrial) state = next
  return api.wishes
}

function failureOf(error: unknown, otherwise: PolicyErrorCode): PolicyAnswer {
  const code = error instanceof PolicyError ? error.code : otherwise
  return { kind: 'failed', code, message: error instanceof Error ? error.message : String(error) }
}
