// Writes docs/reference/cli.md from the verb table: node face/cli/reference.ts

import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { reference } from './help.ts'
import { findInstall } from './install.ts'

writeFileSync(path.join(findInstall().root, 'docs/reference/cli.md'), reference())
