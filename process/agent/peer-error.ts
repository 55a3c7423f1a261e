// What went wrong between the agent and whoever it talks to.

type Reason = 'timeout' | 'silent' | 'closed' | 'refused'

/** Who it is, in messages, and how its errors are called. */
export type Peer = { readonly name: string; readonly code: (reason: Reason) => string }

export const COLLECTOR: Peer = { name: 'the collector', code: () => 'E_EXPORT' }
export const CONTROL_PLANE: Peer = {
  name: 'the control plane',
  code: (reason) => `E_CONTROL_${reason.toUpperCase()}`,
}

/**
 * Errors: code E_EXPORT of a collector; E_CONTROL_TIMEOUT, E_CONTROL_SILENT, E_CONTROL_CLOSED and
 * E_CONTROL_REFUSED of a control plane.
 */
export class PeerError extends Error {
  readonly code: string

  constructor(peer: Peer, reason: Reason, what: string) {
    super(`${peer.name} ${what}`)
    this.code = peer.code(reason)
  }

  static ofStatus(peer: Peer, status: number): PeerError {
    return new PeerError(peer, 'refused', `answered ${status}`)
  }
}
