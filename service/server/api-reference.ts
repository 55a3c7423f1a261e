// docs/reference/http-api.md, from the route table.

import { routeTable, type Access, type RouteDoc } from './routes.ts'

const whoOf = (access: Access): string =>
  access === 'public'
    ? 'For anybody'
    : access === 'agent'
      ? "For an agent's bearer token"
      : `Needs \`${access}\``

export function apiReference(): string {
  return `# The HTTP API

Made from the route table (\`service/server/routes.ts\`) by \`node service/server/reference.ts\`; a test
holds it to that. The same table with all shapes: \`GET /openapi.json\` (OpenAPI 3.1).

- Port 7070 (UI and API), loopback unless told otherwise. OTLP has a port of its own:
  \`POST :4318/v1/traces\`, and :4317 for gRPC.
- \`/jaeger\` and \`/tempo\` are other systems' APIs, with their shapes and forms of errors
  ([Grafana](../guides/grafana.md)).
- \`Authorization: Bearer <token>\`: the operator's is in \`DIR/admin-token\`, an agent's in
  \`DIR/agent-token\`. A browser trades a one-time link (\`crosscut login\`) for a session cookie (HttpOnly,
  SameSite=Strict); its changes must come from our own page (Origin).
- The operator may all. A token with a name (\`POST /api/v1/tokens\`) may what it was granted: each route
  says which verb it needs, a package its tracepoints besides ([safety](../concepts/safety.md)). Without it
  the answer is 403 \`E_FORBIDDEN\`, and its hint names what is missing.
- The Host header must be a loopback name, \`--host\`, or one of \`--allow-host\`. Other origins are
  answered 403, never with CORS headers.
- Errors are \`{ "error": { "code": "E_...", "message", "hint" } }\`; the hint is what mends it. Codes:
  \`E_BAD_REQUEST E_BAD_PATH E_BAD_HOST E_BAD_JSON E_BAD_HTTP E_UNKNOWN_PARAMETER E_TRACEQL
  E_IMPORT_... E_UNKNOWN_POLICY E_POLICY_...\` 400,
  \`E_UNAUTHORIZED\` 401, \`E_FORBIDDEN E_BAD_HOST E_BAD_ORIGIN\` 403, \`E_NOT_FOUND\` 404, \`E_METHOD\` 405,
  \`E_BODY_SLOW\` 408, \`E_AGENT_UNKNOWN E_NAME_TAKEN E_TOO_MANY_QUERIES
  E_TOO_MANY_TOKENS E_TOO_MANY_TOOLS E_TOO_MANY_POLICIES E_HOLDS_NOTHING\` 409, \`E_TOO_LARGE\` 413,
  \`E_MEDIA_TYPE E_ENCODING\` 415, \`E_ADVICE_...\` 422, \`E_INTERNAL\` 500, \`E_STARTING E_BUSY\` 503 (with
  Retry-After), \`E_READ_SLOW\` 504.
- Nanoseconds are decimal strings.

For example, in the folder of the server:

    curl -H "authorization: Bearer $(cat .crosscut/admin-token)" \\
      'http://127.0.0.1:7070/api/v1/traces?service=shop&minMs=100&limit=5'

${routeTable.map(section).join('\n')}`
}

function section({
  method,
  path,
  access,
  summary,
  query = {},
  body,
  answer,
  isStream = false,
}: RouteDoc): string {
  const rows = Object.entries(query)
    .map(([name, says]) => `| \`${name}\` | ${says} |\n`)
    .join('')
  const shapes = [
    body === undefined ? '' : `Takes \`${body}\`. `,
    `Answers \`${answer}\`${isStream ? ', or server-sent events' : ''}.`,
  ].join('')
  return `## ${method} ${path}

${summary} ${whoOf(access)}. ${shapes}
${rows === '' ? '' : `\n| query | what |\n|---|---|\n${rows}`}`
}
