// Who asks, as the audit log names it.

import type { Exchange } from '../exchange.ts'

export function whoIs({ caller, request }: Exchange): string {
  return `${caller.name} from ${request.socket.remoteAddress ?? '?'}`
}
