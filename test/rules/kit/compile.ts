import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeTempDir, type TempDir } from '../../kit/temp-dir.js'
import { ROOT } from './source.js'

export interface Compiled {
  readonly dir: TempDir
  /** Where the JavaScript of a source file lies. */
  output(name: string): string
  /** What the compiler has to say; empty when it is content. */
  readonly complaints: string
}

/** As a plugin author would set it up: strict, and only files with `@ts-check` among the JavaScript. */
const OPTIONS = {
  target: 'es2022',
  module: 'nodenext',
  strict: true,
  allowJs: true,
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
  skipLibCheck: true,
  rootDir: 'src',
  outDir: 'out',
}

/** Compiles files in a project of their own, in which `portcullis` is installed, and OpenTelemetry. */
export function compileElsewhere(files: ReadonlyMap<string, string>): Compiled {
  const dir = makeTempDir()
  mkdirSync(join(dir.path, 'node_modules'))
  symlinkSync(ROOT, join(dir.path, 'node_modules/portcullis'))
  symlinkSync(join(ROOT, 'node_modules/@opentelemetry'), join(dir.path, 'node_modules/@opentelemetry'))
  dir.file('package.json', '{ "type": "module" }')
  dir.file('tsconfig.json', JSON.stringify({ compilerOptions: OPTIONS, include: ['src'] }))
  for (const [name, code] of files) {
    const file = join(dir.path, 'src', name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, code)
  }
  // `env -u`: tap puts its loaders into the environment of whatever is spawned; they are not for the compiler.
  const args = ['-u', 'NODE_OPTIONS', join(ROOT, 'node_modules/.bin/tsc'), '-p', dir.path]
  const { stdout, stderr } = spawnSync('env', args, { encoding: 'utf8' })
  const output = (name: string): string => join(dir.path, 'out', name.replace(/\.ts$/, '.js'))
  return { dir, output, complaints: stdout + stderr }
}
