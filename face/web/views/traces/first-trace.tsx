// The page before the first trace: three ways to send one, ready to paste.

import { useMemo } from 'preact/hooks'
import { readOtlpUrl } from '../../base/api.ts'
import { useResource } from '../../base/resource.ts'
import { Command } from '../../widgets/notice.tsx'

export function FirstTrace() {
  const told = useResource('otlp', (signal) => readOtlpUrl(signal))
  const url = told.value ?? `http://${location.hostname}:4318`
  const curl = useMemo(() => curlCommand(url), [url])
  return (
    <div class="first-trace">
      <span class="pulse" />
      <h1>Waiting for the first trace</h1>
      <p class="muted">
        Nothing to configure here: as soon as a span arrives at <code>{url.replace('http://', '')}</code>,
        this page shows it.
      </p>
      <div class="ways">
        <Command title="A Node application, without changing it" text="npx crosscut run -- node app.js" />
        <Command
          title="Any service that has an OpenTelemetry SDK"
          text={`export OTEL_EXPORTER_OTLP_ENDPOINT=${url}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`}
        />
        <Command title="Just to see it work: one span by curl" text={curl} />
      </div>
      <p class="muted">
        Nothing arrives? <code>npx crosscut doctor</code> says why.
      </p>
    </div>
  )
}

function curlCommand(url: string): string {
  const endMs = Date.now()
  const hex = (bytes: number): string =>
    [...crypto.getRandomValues(new Uint8Array(bytes))]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join('')
  const body = {
    resourceSpans: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'hello' } }] },
        scopeSpans: [
          {
            spans: [
              {
                traceId: hex(16),
                spanId: hex(8),
                name: 'first span',
                kind: 2,
                startTimeUnixNano: `${endMs - 120}000000`,
                endTimeUnixNano: `${endMs}000000`,
              },
            ],
          },
        ],
      },
    ],
  }
  return `curl -sS ${url}/v1/traces -H 'content-type: application/json' -d '\n${JSON.stringify(body)}'`
}
