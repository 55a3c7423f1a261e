// What runs in the worker of threads.test.ts: context and carriers first, as --import would load them, then
// the "application".
import { startContext, currentFrame, joinBaggage } from '#context'
import { parentPort, receiveMessageOnPort, workerData, MessagePort } from 'node:worker_threads'
import { installCarriers } from './install.ts'
import { bag, words } from './testing.ts'

const port = parentPort
if (workerData?.plain !== true) {
  startContext('worker')
  installCarriers()
}
port?.on('message', (message: { kind: string; port?: MessagePort; value?: unknown }) => {
  const seen = words(currentFrame()?.baggage)
  if (message.kind === 'close') port.close()
  else if (message.kind === 'answer') {
    joinBaggage(bag('from-worker'))
    port.postMessage({ seen, value: message.value })
  } else if (message.kind === 'read-next') {
    // The next message is taken synchronously, past the listeners.
    const clock = new Int32Array(new SharedArrayBuffer(4))
    let next = receiveMessageOnPort(port)
    while (next === undefined) {
      Atomics.wait(clock, 0, 0, 1)
      next = receiveMessageOnPort(port)
    }
    port.postMessage({ seen, next: next.message })
  } else if (message.kind === 'port') {
    message.port?.postMessage('through the port')
    message.port?.close()
  }
})
port?.postMessage('ready')
