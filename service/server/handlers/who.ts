// Who asks, as the audit log names it.

import type { Exchange } from '../exchange.ts'

export function whoIs({ isBrowser, request }: Exchange): string {
  return `${isBrowser ? 'browser' : 'admin token'} from ${request.socket.remoteAddress ?? '?'}`
}
