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

/** One straight-line instruction; `#advice` verifies and compiles it. */
export type Instruction =
  /** Reads exported variables of the tracepoint into slots of the same names. */
  | { readonly op: 'observe'; readonly vars: readonly string[] }
  /** Goes on only where the slot equals the value. */
  | { readonly op: 'filter'; readonly slot: string; readonly equals: string | number | boolean }
  /** Puts a constant or a package parameter into a slot. */
  | {
      readonly op: 'let'
      readonly slot: string
      readonly value: string | number | boolean | { readonly parameter: string }
    }
  /** Reads a field of a bag of this package's schema into a slot. */
  | { readonly op: 'unpack'; readonly bag: string; readonly field: string; readonly slot: string }
  /** Writes a slot into a field of a bag of this package's schema. */
  | { readonly op: 'set'; readonly bag: string; readonly field: string; readonly slot: string }
  /** Sets an attribute of the active span. */
  | { readonly op: 'tag'; readonly key: string; readonly slot: string }
  /** Sets the log level of this execution, for loggers that ask `logLevel()`. */
  | { readonly op: 'logLevel'; readonly slot: string }

export type Advice = { readonly tracepoint: string; readonly instructions: readonly Instruction[] }

/** A tool as data: schema + advice + parameters (the policy stays on the controller). */
export type ToolPackage = {
  readonly name: string
  /** Grows with each change of this package. */
  readonly version: number
  /** BDL source of the bags it carries; '' for none. */
  readonly schema: string
  readonly advice: readonly Advice[]
  readonly parameters: { readonly [name: string]: string | number | boolean }
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
}

/** The data of one server-sent event `state`. All members base64url. */
export type SignedState = { readonly payload: string; readonly signature: string; readonly publicKey: string }
