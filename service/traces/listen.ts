// Listening as a promise of the port.

import type { Server } from 'node:net'

/** Port 0 = any free one. Errors: EADDRINUSE, EACCES, EADDRNOTAVAIL. */
export function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.removeListener('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
