/** A realm of Kerberos, and Apache's server with logins by it that hold for the connection. Both run in a folder of their own. */
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild } from './child.js'
import type { CurlResult } from './curl.js'
import { requireProgram } from './programs.js'
import { freePort } from './tcp-server.js'
import { makeTempDir, type TempDir } from './temp-dir.js'

const REALM = 'PORTCULLIS.TEST'
const MODULES = '/usr/lib/apache2/modules'
const PASSWORD = 'password'

export interface KerberosOrigin {
  readonly httpPort: number
  readonly httpsPort: number
  /** The real curl with the ticket of a user; undefined: with none. */
  curl(user: string | undefined, ...args: string[]): Promise<CurlResult>
  stop(): Promise<void>
}

export interface KerberosOptions {
  /** The name of the origin. */
  readonly host: string
  readonly users: readonly string[]
  readonly chainPem: string
  readonly keyPem: string
}

/** The field `X-User` of an answer names the user of the connection. */
export async function kerberosOrigin({ host, users, ...tls }: KerberosOptions): Promise<KerberosOrigin> {
  for (const program of ['krb5kdc', 'kdb5_util', 'kadmin.local', 'kinit', 'apache2']) requireProgram(program)
  const dir = makeTempDir()
  chmodSync(dir.path, 0o755)
  const [kdcPort, httpPort, httpsPort] = [await freePort(), await freePort(), await freePort()]
  const env = { ...process.env, ...realmFiles(dir, kdcPort) }
  const run = async (program: string, args: readonly string[], input = '', more = {}): Promise<void> => {
    const child = await startChild(program, args, { env: { ...env, ...more } })
    child.write(input)
    child.endInput()
    const code = await child.exited(20_000)
    if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${child.stdout()}${child.stderr()}`)
  }
  const children: Child[] = []
  const stop = async (): Promise<void> => {
    for (const child of children) await child.stop()
    dir.remove()
  }
  try {
    await run('kdb5_util', ['create', '-s', '-P', PASSWORD, '-r', REALM])
    const made = users.map(user => `addprinc -pw ${PASSWORD} ${user}`)
    const keytab = `${dir.path}/http.keytab`
    const service = [`addprinc -randkey HTTP/${host}`, `ktadd -k ${keytab} HTTP/${host}`]
    await run('kadmin.local', ['-r', REALM], `${[...made, ...service].join('\n')}\n`)
    // What Apache's children read, which run as another user where this one is root.
    dir.file('page', 'hello from apache\n')
    for (const name of ['http.keytab', 'krb5.conf', 'page']) chmodSync(`${dir.path}/${name}`, 0o644)
    const kdc = await startChild('krb5kdc', ['-n', '-r', REALM], { env })
    children.push(kdc)
    await kdc.until(() => /starting/.test(kdc.stdout() + kdc.stderr()) || undefined, 'the start of the KDC')
    for (const user of users)
      await run('kinit', [user], `${PASSWORD}\n`, { KRB5CCNAME: `FILE:${dir.path}/${user}.ticket` })
    const conf = dir.file('httpd.conf', serverConf(dir, host, keytab, [httpPort, httpsPort], tls))
    const server = await startChild('apache2', ['-f', conf, '-DFOREGROUND'], { env })
    children.push(server)
    await whenUp(`${dir.path}/error.log`)
  } catch (cause) {
    await stop()
    throw cause
  }
  const curl: KerberosOrigin['curl'] = async (user, ...args) => {
    const start = performance.now()
    const child = await startChild('curl', ['-q', '--negotiate', '-u', ':', ...args], {
      env: { ...withoutProxies(env), KRB5CCNAME: `FILE:${dir.path}/${user ?? 'no'}.ticket` },
    })
    child.endInput()
    const code = await child.exited(20_000)
    return { code, stdout: child.stdout(), stderr: child.stderr(), ms: performance.now() - start }
  }
  return { httpPort, httpsPort, curl, stop }
}

/** Apache opens its log by a name; it cannot write it to a socket, which the standard streams of a child are. */
async function whenUp(log: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (existsSync(log) && readFileSync(log, 'utf8').includes('resuming normal operations')) return
    await sleep(50)
  }
  throw new Error(`Apache did not start: ${existsSync(log) ? readFileSync(log, 'utf8') : 'no log'}`)
}

const withoutProxies = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/_proxy$/i.test(name)))

/** The files of a realm on this machine alone. @returns the environment that names them */
function realmFiles(dir: TempDir, port: number): { readonly [name: string]: string } {
  const at = `127.0.0.1:${port}`
  return {
    KRB5_CONFIG: dir.file(
      'krb5.conf',
      `[libdefaults]
  default_realm = ${REALM}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  ${REALM} = { kdc = ${at} }
`.replace(/\{ (.*) \}/, '{\n$1\n}'),
    ),
    KRB5_KDC_PROFILE: dir.file(
      'kdc.conf',
      `[kdcdefaults]
  kdc_listen = ${at}
  kdc_tcp_listen = ${at}
[realms]
  ${REALM} = {
    database_name = ${dir.path}/principal
    key_stash_file = ${dir.path}/stash
    acl_file = ${dir.path}/acl
  }
[logging]
  kdc = FILE:${dir.path}/kdc.log
`,
    ),
  }
}

function serverConf(
  dir: TempDir,
  host: string,
  keytab: string,
  [http, https]: readonly [number, number],
  { chainPem, keyPem }: Pick<KerberosOptions, 'chainPem' | 'keyPem'>,
): string {
  const module = (name: string): string => `LoadModule ${name}_module ${MODULES}/mod_${name}.so\n`
  const names = [
    'mpm_event',
    'authn_core',
    'authz_core',
    'authz_user',
    'auth_gssapi',
    'headers',
    'ssl',
    'dir',
  ]
  return `ServerRoot ${dir.path}
ServerName ${host}
${names.map(module).join('')}
Listen 127.0.0.1:${http}
Listen 127.0.0.1:${https}
PidFile ${dir.path}/httpd.pid
ErrorLog ${dir.path}/error.log
${process.getuid?.() === 0 ? 'User nobody\nGroup nogroup' : ''}
DocumentRoot ${dir.path}
FallbackResource /page
KeepAliveTimeout 60
Header always set X-User "expr=%{REMOTE_USER}"
<Location />
  AuthType GSSAPI
  AuthName test
  GssapiCredStore keytab:${keytab}
  GssapiConnectionBound On
  Require valid-user
</Location>
<VirtualHost 127.0.0.1:${https}>
  SSLEngine on
  SSLCertificateFile ${dir.file('cert.pem', chainPem)}
  SSLCertificateKeyFile ${dir.file('key.pem', keyPem)}
</VirtualHost>
`
}
