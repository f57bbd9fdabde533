/**
 * The last step of `npm run build`: puts the compiled modules of the program into few files, dist/program, and has the program's
 * entries load these. Node takes 0.3 ms and more to find, open and compile a module, and a start needs 400.
 *
 * Each module keeps its own `import.meta.url`, so paths mean what they say in the source. Modules in dist/core stay as they
 * are: plugins and tests import them.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rollup } from 'rollup'

const DIST = fileURLToPath(new URL('../../dist', import.meta.url))
const PROGRAM = `${DIST}/program`
/** What begins: a file, and the module that it loads. */
const ENTRIES = [
  ['core/main.js', 'core/base/inspector.js'],
  ['core/main.js', 'core/commands.js'],
  ['core/plugin-host/isolate/entry.cjs', 'core/plugin-host/isolate/serve.js'],
]

const inDist = path => relative(DIST, path).split(sep).join('/')

/** Reads a module with the map to its source, so that the lines of a stack can be those of the source. */
const compiled = {
  name: 'compiled',
  load: id => ({ code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') }),
  resolveImportMeta: (property, { moduleId }) =>
    property === 'url' ? `new URL('../${inDist(moduleId)}', import.meta.url).href` : null,
}

const bundle = await rollup({
  input: Object.fromEntries(ENTRIES.map(([, module]) => [posix.basename(module, '.js'), `${DIST}/${module}`])),
  external: id => !/^[./]/.test(id),
  plugins: [compiled],
  onLog: (level, { message }) => {
    if (level !== 'debug') throw new Error(message)
  },
})
// What runs may load a part for the first time behind an update: exports keep their names, so that it gets no other one.
const output = { format: 'es', chunkFileNames: '[name].js', sourcemap: true, minifyInternalExports: false }
await bundle.write({ ...output, dir: `${PROGRAM}.new` })
await bundle.close()
rmSync(PROGRAM, { recursive: true, force: true })
renameSync(`${PROGRAM}.new`, PROGRAM)

for (const [entry, module] of ENTRIES) {
  const path = `${DIST}/${entry}`
  const to = posix.relative(posix.dirname(entry), `program/${posix.basename(module)}`)
  const from = posix.relative(posix.dirname(entry), module)
  const text = readFileSync(path, 'utf8')
  const changed = text.replace(`'./${from}'`, `'${to}'`)
  if (!changed.includes(`'${to}'`)) throw new Error(`${entry} does not load ./${from}`)
  writeFileSync(path, changed)
}
