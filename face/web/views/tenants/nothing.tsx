// What to do when no process says what its tenants use.

import { Command } from '../../widgets/notice.tsx'

export function NothingMeasured() {
  return (
    <>
      <p class="muted">
        A process that runs with the agent tells what each tenant uses, once a second.
        <br />
        Who the tenant of a request is, the application says: <code>tenant('acme')</code> of package crosscut.
      </p>
      <div class="ways">
        <Command title="Start a Node application with the agent" text="npx crosscut run -- node app.js" />
      </div>
    </>
  )
}
