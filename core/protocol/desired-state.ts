// What an agent shall be: packages of tools with their parameters, as one signed, versioned value.
//
//   server:  DesiredState -> UTF-8 JSON (payload) -> Ed25519 over the payload's bytes -> SignedState
//   agent:   SignedState -> check the key against the pinned fingerprint, the signature, the fleet, the
//            version, the expiry -> parse
//            -> reconcile (install what is missing, remove what is gone, change parameters)
//
// The signature is over the bytes that travel, so no canonical encoding is needed and none can be got wrong.
// The four attacks of TUF and what stops them: forgery (signature), rollback (version must grow within an
// epoch), freeze (expiry), mix and match (everything is one value, bound to a fleet).

import type { Advice } from './advice-ir.ts'
import type { SamplingState } from './sampling-policy.ts'

/** A tool as data: schema + advice + parameters (the policy stays on the controller). */
export type ToolPackage = {
  readonly name: string
  /** Grows with each change of this package. */
  readonly version: number
  /** BDL source of the bags it carries; '' for none. */
  readonly schema: string
  readonly advice: readonly Advice[]
  readonly parameters: { readonly [name: string]: string | number | boolean }
  /** What it holds is let go when this becomes another number; absent = 0. The version does not change. */
  readonly release?: number
}

export type DesiredState = {
  readonly format: 1
  /** A server's data folder; versions are comparable only within one. */
  readonly fleet: string
  /** Grows with each change, across restarts of the server. */
  readonly version: number
  /** ms since the epoch; an agent that cannot renew falls back to the empty state after this. */
  readonly expiresMs: number
  /** The kill switch: true = the agent becomes a no-op until told otherwise. */
  readonly disabled: boolean
  readonly packages: readonly ToolPackage[]
  /** Absent = no policies. Its shares change without a new version: each telling holds those of now. */
  readonly sampling?: SamplingState
}

/** The data of one server-sent event `state`. All members base64url. */
export type SignedState = { readonly payload: string; readonly signature: string; readonly publicKey: string }
