/**
 * Prints the SBOM of what the npm tarball depends on, as CycloneDX: `npm run sbom`. `npm sbom --omit=dev` alone leaves out
 * production dependencies that a development dependency needs as well. Here npm reads a package without the latter.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const read = name => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'))

const { devDependencies: _, ...manifest } = read('package.json')
const lock = read('package-lock.json')
const { devDependencies: __, ...root } = lock.packages['']
const needed = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true)

const work = mkdtempSync(join(tmpdir(), 'portcullis-sbom-'))
try {
  // npm names the component after the folder.
  const folder = join(work, manifest.name)
  mkdirSync(folder)
  const write = (name, value) => writeFileSync(join(folder, name), JSON.stringify(value))
  write('package.json', manifest)
  write('package-lock.json', { ...lock, packages: { '': root, ...Object.fromEntries(needed) } })
  const args = ['sbom', '--package-lock-only', '--sbom-type=application', '--sbom-format=cyclonedx']
  process.stdout.write(execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] }))
} finally {
  rmSync(work, { recursive: true, force: true })
}
