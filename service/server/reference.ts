// Writes docs/reference/http-api.md from the route table: node service/server/reference.ts

import { writeFileSync } from 'node:fs'
import { apiReference } from './api-reference.ts'

writeFileSync(new URL('../../docs/reference/http-api.md', import.meta.url), apiReference())
