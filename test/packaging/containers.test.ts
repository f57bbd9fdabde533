/** The files for Docker and Kubernetes, as far as they can be tested without a registry and a cluster. */
import { readdirSync, readFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { readCommandLine } from '../../core/cli/command-line.js'
import { RECORDS } from '../../core/config/records-table.js'
import { startChild } from '../kit/child.js'
import { makeConfDir, runMain } from '../kit/proxy.js'

const DOCKER = 'etc/packaging/docker'
const dockerfile = readFileSync(`${DOCKER}/Dockerfile`, 'utf8')

/** Instructions with their arguments; continued lines are joined. */
const instructions = dockerfile
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter(line => line.trim() !== '')
  .map(line => /^([A-Z]+) +(.*)$/.exec(line)?.slice(1) ?? [line, ''])
const all = (name: string): string[] =>
  instructions.filter(([word]) => word === name).map(([, rest = '']) => rest)

/** Variables that override records, and are no record. */
const unknownRecords = (names: readonly string[]): string[] => {
  const known = new Set(Object.keys(RECORDS).map(name => name.replaceAll('.', '_').toUpperCase()))
  return names.filter(name => name.startsWith('PROXY_CONFIG_') && !known.has(name))
}

/** Fails where the command line of a probe or an entry point is not one of ours. */
function isOurs(t: Test, words: readonly string[]): void {
  t.equal(words[0], 'portcullis')
  t.doesNotThrow(() => readCommandLine(words.slice(1)), words.join(' '))
}

test('the Dockerfile copies what the context has, and the tarball has what it starts', async t => {
  t.equal(
    instructions.filter(([word]) => !/^[A-Z]+$/.test(word ?? '')).length,
    0,
    'each line is an instruction',
  )
  const context = all('COPY').filter(copy => !copy.startsWith('--from='))
  const sources = context.flatMap(copy => copy.split(/ +/).slice(0, -1))
  const kept = readFileSync(`${DOCKER}/Dockerfile.dockerignore`, 'utf8').match(/(?<=^!).*/gm) ?? []
  t.strictSame(sources, kept, 'the context has these and no others')
  const [tarball = '', ...files] = sources
  for (const file of files) t.ok(readdirSync('.').includes(file), file)

  const pack = await startChild('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'])
  t.teardown(pack.stop)
  t.equal(await pack.exited(60_000), 0)
  const [packed] = JSON.parse(pack.stdout())
  t.ok(new RegExp(`^${tarball.replaceAll('.', '\\.').replace('*', '.*')}$`).test(packed.filename))
  const inside = new Set<string>(packed.files.map(({ path }: { path: string }) => path))
  const started = dockerfile.match(/(?<=\/opt\/portcullis\/)dist\S+|(?<=node )dist\S+/g) ?? []
  t.ok(started.length >= 2)
  for (const file of [...started, 'etc/packaging/docker/Dockerfile', 'etc/records.config'])
    t.ok(inside.has(file), file)
  const [, linked = ''] =
    /ln -s \/opt\/portcullis\/(\S+) \/usr\/local\/bin\/portcullis/.exec(dockerfile) ?? []
  const { mode } = packed.files.find(({ path }: { path: string }) => path === linked)
  const isMade = dockerfile.slice(0, dockerfile.lastIndexOf('\nFROM')).includes(`chmod 0755 ${linked}`)
  t.ok(isMade || (mode & 0o111) !== 0, `${linked} is executable in the image`)
})

test('the image writes into its volumes alone, whatever configuration is mounted', t => {
  const volumes: string[] = JSON.parse(all('VOLUME')[0] ?? '[]')
  const [environment = ''] = all('ENV')
  for (const name of ['ADMIN_SOCKET', 'LOG_LOGFILE_DIR']) {
    const [, path = ''] = new RegExp(`PROXY_CONFIG_${name}=(\\S+)`).exec(environment) ?? []
    t.ok(
      volumes.some(volume => path.startsWith(`${volume}/`)),
      `${name} ${path}`,
    )
  }
  t.end()
})

test('the image runs as a plain user, and its health is the answer of ctl status', t => {
  t.match(all('USER').at(-1), /^1\d{4}:1\d{4}$/)
  t.ok(dockerfile.indexOf('\nUSER') > dockerfile.lastIndexOf('\nRUN'), 'nothing runs as root afterwards')
  const [health = ''] = all('HEALTHCHECK')
  isOurs(t, JSON.parse(health.slice(health.indexOf('['))))
  const [entry = '[]'] = all('ENTRYPOINT')
  const [command = '[]'] = all('CMD')
  isOurs(t, [...JSON.parse(entry), ...JSON.parse(command)])
  t.strictSame(unknownRecords(dockerfile.match(/PROXY_CONFIG_\w+/g) ?? []), [])
  t.end()
})

test('the services of compose.yaml are confined, share one Redis, and name records that exist', t => {
  const { services } = parse(readFileSync(`${DOCKER}/compose.yaml`, 'utf8'), { merge: true })
  t.strictSame(Object.keys(services), ['proxy-1', 'proxy-2', 'redis'])
  for (const [name, service] of Object.entries<Record<string, unknown>>(services)) {
    t.match(service, { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] }, name)
  }
  const { environment, build } = services['proxy-1']
  t.strictSame(unknownRecords(Object.keys(environment)), [])
  t.match(environment.PROXY_CONFIG_CLUSTER_REDIS_URL, /@redis:6379$/)
  t.ok(readdirSync(`${DOCKER}/${build.context}`).includes('package.json'), 'the context is the checkout')
  t.end()
})

interface Named {
  readonly name: string
}

interface Probe {
  readonly exec: { readonly command: readonly string[] }
}

interface Container {
  readonly securityContext: object
  readonly startupProbe: Probe
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly volumeMounts: readonly Named[]
  readonly ports: readonly Named[]
}

interface Pod {
  readonly securityContext: { readonly runAsNonRoot: boolean }
  readonly terminationGracePeriodSeconds: number
  readonly containers: readonly [Container]
  readonly volumes: readonly Named[]
}

/** The objects of the example, as far as these tests read them. */
interface Objects {
  readonly ConfigMap: { readonly data: Readonly<Record<string, string>> }
  readonly Deployment: {
    readonly spec: {
      readonly template: { readonly metadata: { readonly labels: object }; readonly spec: Pod }
    }
  }
  readonly Service: {
    readonly spec: { readonly selector: object; readonly ports: readonly [{ readonly targetPort: string }] }
  }
}

const documents = parseAllDocuments(readFileSync('etc/packaging/kubernetes/portcullis.yaml', 'utf8'))

function ofKind<K extends keyof Objects>(kind: K): Objects[K] {
  const found = [...documents].map(one => one.toJS()).find(one => one.kind === kind)
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}

test('the configuration of the Kubernetes example is in order', async t => {
  t.strictSame(
    [...documents].flatMap(({ errors }) => errors),
    [],
  )
  const dir = makeConfDir({ files: ofKind('ConfigMap').data })
  t.teardown(dir.remove)
  const child = await runMain(['verify-config', '-D', dir.path, '--json'])
  t.teardown(child.stop)
  await child.exited()
  t.match(JSON.parse(child.stdout()), { ok: true, problems: [] })
})

test('pods of the Kubernetes example are confined, and their probes are commands of ctl', t => {
  const { spec } = ofKind('Deployment').spec.template
  const [container] = spec.containers
  t.equal(spec.securityContext.runAsNonRoot, true)
  t.match(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'] as const)
    isOurs(t, container[probe].exec.command)
  const mounted = container.volumeMounts.map(({ name }) => name)
  const volumes = spec.volumes.map(({ name }) => name)
  t.strictSame(mounted.sort(), volumes.sort())
  t.ok(spec.terminationGracePeriodSeconds > 35, 'longer than preStop and the drain')
  const { selector, ports } = ofKind('Service').spec
  t.strictSame(selector, ofKind('Deployment').spec.template.metadata.labels)
  t.ok(container.ports.some(({ name }) => name === ports[0].targetPort))
  t.end()
})
