/** The packages that npm installs with the tarball. */
import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { koffi } from '../../core/tls/openssl/koffi.js'

interface Locked {
  readonly version: string
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const locked: Readonly<Record<string, Locked>> = JSON.parse(
  readFileSync('package-lock.json', 'utf8'),
).packages

test('no package that is installed with the program has an install script: npm 11 warns of them, npm 12 blocks them', async t => {
  const withScript = Object.entries(locked).filter(([, { hasInstallScript }]) => hasInstallScript)
  t.strictSame(
    withScript.filter(([path, { dev }]) => path !== '' && dev !== true).map(([path]) => path),
    [],
  )
  const names = withScript.map(([path]) => path.slice('node_modules/'.length))
  t.strictSame(
    names,
    Object.keys(manifest.allowScripts),
    'those of a checkout are allowed by name, and no others',
  )
})

test('native packages come with a binary for every platform that they know', async t => {
  for (const name of ['koffi', '@node-rs/bcrypt']) {
    const { optionalDependencies = {} } = locked[`node_modules/${name}`] ?? {}
    t.ok(Object.keys(optionalDependencies).length > 10, name)
    for (const [binary, version] of Object.entries(optionalDependencies))
      t.equal(locked[`node_modules/${binary}`]?.version, version, binary)
  }
})

test('the binaries of koffi are those of the koffi whose types are used', async t => {
  const { version, optionalDependencies } = locked['node_modules/koffi'] ?? {}
  t.strictSame(manifest.optionalDependencies, optionalDependencies)
  t.equal(koffi.version, version)
})
