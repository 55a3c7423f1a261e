// Preloaded into each test file by `npm test`: property tests draw the same examples each time, so that a
// run judges the change and not the dice. Without it (`node --test FILE`) they draw new ones each time, and
// CROSSCUT_PROPERTY_SEED=N draws those of N. Plain JavaScript, because Node 22 loads it too.

import { configureGlobal, readConfigureGlobal } from 'fast-check'

const SEED = 20_261_128
const asked = Number(process.env.CROSSCUT_PROPERTY_SEED)

configureGlobal({ ...readConfigureGlobal(), seed: Number.isSafeInteger(asked) && asked > 0 ? asked : SEED })
