// Makes the two packages that users install, under dist/:
//
//   dist/crosscut/          what enters a user's process, and the CLI: few bundled .js files, no dependency
//   dist/crosscut-server/   service/ and face/web: types stripped file by file, depends on the store engine
//
//   sources --rolldown, one entry an export--> *.js + shared chunks  (one copy of context/ for all)
//   sources --tsc, declarations only--> types/**.d.ts                ("imports" of package.json leads there)
//
// `#server` stays a door between the packages: in crosscut it is the external package crosscut-server, so
// that `crosscut up` without it can say E_NO_SERVER. Run directly: packs and prints where the tarballs are.

import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'
import { rolldown } from 'rolldown'
import { ROOT, say } from './toolchain.mjs'
import { ensureWebBuilt } from './web-build.ts'

export type Packed = {
  /** Holds both tarballs. */
  readonly folder: string
  readonly crosscut: string
  readonly server: string
}

type Manifest = {
  readonly version: string
  readonly license: string
  readonly description: string
  readonly imports: Record<string, string>
  readonly exports: Record<string, string>
  readonly devDependencies: Record<string, string>
}

const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Manifest
const DIST = path.join(ROOT, 'dist')
/** The agent must start on the oldest Node that has module.registerHooks and synchronous require of ESM. */
const ENGINES = { node: '>=22.15' }
/** The server wants type-free APIs of Node 24 (reusePort between threads, zstd). */
const SERVER_ENGINES = { node: '>=24' }
/** Folders that crosscut-server is made of, besides the built web app. */
const SERVER_FOLDERS = ['core', 'service', 'tools']
const PARSER = 'weave/parser'
const SERVER_PACKAGES = ['chdb', '@clickhouse/client']

/** Builds both packages and their tarballs. */
export async function packAll(): Promise<Packed> {
  rmSync(DIST, { recursive: true, force: true })
  mkdirSync(DIST, { recursive: true })
  await ensureWebBuilt()
  await buildCrosscut(path.join(DIST, 'crosscut'))
  buildServer(path.join(DIST, 'crosscut-server'))
  return { folder: DIST, crosscut: tarball('crosscut'), server: tarball('crosscut-server') }
}

async function buildCrosscut(folder: string): Promise<void> {
  const entries = Object.entries(manifest.exports).filter(([, source]) => source.endsWith('.ts'))
  const input: Record<string, string> = { 'cli/main': path.join(ROOT, 'face/cli/main.ts') }
  for (const [name, source] of entries) input[entryName(name)] = path.join(ROOT, source)
  // A file of its own, acorn in it: what weaves nothing never loads it.
  input[PARSER] = path.join(ROOT, manifest.imports['#parser'])
  const bundle = await rolldown({
    input,
    platform: 'node',
    logLevel: 'warn',
    external: (id) => id === '#server' || id.startsWith('node:'),
    resolve: { alias: absoluteFaces() },
  })
  await bundle.write({
    dir: folder,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    minify: { compress: true, mangle: true, codegen: { removeWhitespace: true } },
    paths: { '#server': 'crosscut-server' },
  })
  await bundle.close()
  declarations(path.join(folder, 'types'))
  writeManifest(folder, {
    name: 'crosscut',
    description: manifest.description,
    engines: ENGINES,
    bin: { crosscut: './cli/main.js' },
    imports: { ...declarationFaces(), '#parser': `./${PARSER}.js` },
    exports: Object.fromEntries([
      ...entries.map(([name, source]) => [
        name,
        {
          types: `./types/${source.slice(2).replace(/\.ts$/, '.d.ts')}`,
          default: `./${entryName(name)}.js`,
        },
      ]),
      ['./package.json', './package.json'],
    ]),
  })
}

function buildServer(folder: string): void {
  for (const name of SERVER_FOLDERS) stripFolder(path.join(ROOT, name), path.join(folder, name))
  cpSync(path.join(ROOT, 'face/web/dist'), path.join(folder, 'face/web/dist'), { recursive: true })
  const faces = Object.entries(manifest.imports).filter(([, source]) =>
    SERVER_FOLDERS.some((name) => source.startsWith(`./${name}/`)),
  )
  writeManifest(folder, {
    name: 'crosscut-server',
    description: 'The server of Crosscut: ingest, store, traces, control plane, web app',
    engines: SERVER_ENGINES,
    exports: { '.': './service/server/index.js', './package.json': './package.json' },
    imports: Object.fromEntries(faces.map(([name, source]) => [name, source.replace(/\.ts$/, '.js')])),
    dependencies: Object.fromEntries(SERVER_PACKAGES.map((name) => [name, manifest.devDependencies[name]])),
  })
}

/** Copies a folder with types stripped; tests, benches and prose stay at home. */
function stripFolder(source: string, target: string): void {
  if (!existsSync(source)) return
  for (const entry of readdirSync(source, { withFileTypes: true })) {
    const from = path.join(source, entry.name)
    const to = path.join(target, entry.name)
    if (entry.isDirectory()) stripFolder(from, to)
    else if (/\.(test|bench|fuzz)\.ts$|\.md$/.test(entry.name)) continue
    else if (entry.name.endsWith('.ts')) writeStripped(from, to.replace(/\.ts$/, '.js'))
    else copy(from, to)
  }
}

/** './x.ts' becomes './x.js', in imports and in the URLs of workers alike. */
function writeStripped(from: string, to: string): void {
  const text = stripTypeScriptTypes(readFileSync(from, 'utf8'), { mode: 'strip' })
  mkdirSync(path.dirname(to), { recursive: true })
  writeFileSync(to, text.replaceAll(/(['"])(\.{1,2}\/[^'"\n]*)\.ts\1/g, '$1$2.js$1'))
}

function copy(from: string, to: string): void {
  mkdirSync(path.dirname(to), { recursive: true })
  cpSync(from, to)
}

/** Declarations of everything reachable from the exports, in the tree's own layout. */
function declarations(folder: string): void {
  const config = path.join(DIST, 'tsconfig.types.json')
  const files = Object.values(manifest.exports).filter((source) => source.endsWith('.ts'))
  writeFileSync(
    config,
    JSON.stringify({
      extends: '../tsconfig.json',
      files: files.map((source) => path.join(ROOT, source)),
      include: [],
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        outDir: folder,
        rootDir: ROOT,
        rewriteRelativeImportExtensions: true,
      },
    }),
  )
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc')
  const done = spawnSync(process.execPath, [tsc, '-p', config], { cwd: ROOT, encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`declarations did not build:\n${done.stdout}${done.stderr}`)
}

function declarationFaces(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(manifest.imports)
      .filter(([, source]) => /^\.\/(core|process)\//.test(source))
      .map(([name, source]) => [name, { types: `./types/${source.slice(2).replace(/\.ts$/, '.d.ts')}` }]),
  )
}

function absoluteFaces(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(manifest.imports)
      .filter(([name]) => name !== '#server')
      .map(([name, source]) => [name, path.join(ROOT, source)]),
  )
}

function entryName(exportName: string): string {
  return exportName === '.' ? 'index' : exportName.slice(2)
}

function writeManifest(folder: string, members: Record<string, unknown>): void {
  const common = { version: manifest.version, license: manifest.license, type: 'module' }
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify({ ...members, ...common }, null, 2)}\n`)
  for (const name of ['LICENSE', 'README.md'])
    if (existsSync(path.join(ROOT, name))) copy(path.join(ROOT, name), path.join(folder, name))
}

function tarball(name: string): string {
  const args = ['pack', '--ignore-scripts', '--pack-destination', DIST, '--loglevel=error', '--json']
  const done = spawnSync('npm', args, { cwd: path.join(DIST, name), encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`npm pack of ${name} failed:\n${done.stderr}`)
  return path.join(DIST, `${name}-${manifest.version}.tgz`)
}

if (process.argv[1] === import.meta.filename) {
  // Node warns that stripping types by hand is experimental; who packs cannot do anything about it.
  process.removeAllListeners('warning')
  const packed = await packAll()
  for (const file of [packed.crosscut, packed.server])
    say(`${file} ${(statSync(file).size / 1000).toFixed(0)} kB`)
}
