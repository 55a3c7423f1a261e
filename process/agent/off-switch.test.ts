// The switch that an operator has at the machine itself: a signal, if the process was told which.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startControlPlane } from './testing/control-server.ts'
import { startCollector, startService, until } from './testing/rig.ts'

test('the signal that was named turns the agent off and on; the host serves all the while', async () => {
  const collector = await startCollector()
  const plane = await startControlPlane()
  const service = await startService({
    file: './relay.mjs',
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      CROSSCUT_SERVER: plane.url,
      CROSSCUT_TOKEN: plane.token,
      CROSSCUT_OFF_SIGNAL: 'SIGUSR2',
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_SERVICE_NAME: 'one',
    },
  })
  const isTold = (reason: string) => plane.reports.get('one')?.drops[reason] === 1
  const ask = async () => (await fetch(service.url)).status
  try {
    await until('it says hello', () => plane.reports.has('one'))
    service.child.kill('SIGUSR2')
    await until('it is off', () => isTold('switched-off-by-signal'))
    assert.equal(await ask(), 200)
    // A new state does not turn it on again.
    plane.tell({ disabled: false })
    await until('it has the state', () => plane.reports.get('one')?.stateVersion === 2)
    assert.equal(await ask(), 200)
    assert.equal(collector.spans.length, 0)
    service.child.kill('SIGUSR2')
    await until('it is on', () => isTold('switched-on-by-signal'))
    assert.equal(await ask(), 200)
    await until('it records again', () => collector.spans.length > 0)
  } finally {
    await service.stop()
    await plane.close()
    await collector.close()
  }
})
