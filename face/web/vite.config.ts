// The build of the browser app: sources here -> dist/, which the server serves under a strict policy.
//
// Assets are never inlined (a data: URL would break the policy) and the module-preload polyfill, which is an
// inline script in spirit, is off: every browser with the features we use has module preload.

import { fileURLToPath } from 'node:url'

export default {
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: true,
    // All views are one chunk, 170 kB over the wire; editor and model are loaded when they are needed.
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:7070' } },
}
