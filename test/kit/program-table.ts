/** The programs that tests talk to, and their Debian packages. Without tap: its root test has a time limit. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Program to Debian package, or to several with blanks between them. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  apache2: 'apache2-bin libapache2-mod-auth-gssapi',
  'apt-get': 'apt',
  certutil: 'libnss3-tools',
  chromium: 'chromium',
  curl: 'curl',
  'dpkg-deb': 'dpkg',
  fish: 'fish',
  git: 'git',
  haproxy: 'haproxy',
  java: 'default-jdk-headless',
  javac: 'default-jdk-headless',
  'kadmin.local': 'krb5-admin-server',
  kdb5_util: 'krb5-kdc',
  kinit: 'krb5-user',
  krb5kdc: 'krb5-kdc',
  logrotate: 'logrotate',
  memcached: 'memcached',
  microsocks: 'microsocks',
  nghttpx: 'nghttp2-proxy',
  nginx: 'nginx-light',
  openssl: 'openssl',
  promtool: 'prometheus',
  python3: 'python3',
  'python3-grpcio': 'python3-grpcio',
  'python3-h2': 'python3-h2',
  'python3-httpx': 'python3-httpx python3-h2',
  'python3-requests': 'python3-requests',
  'redis-server': 'redis-server',
  security_fake_certverify: 'squid-openssl libcrypt-openssl-x509-perl',
  squid: 'squid-openssl',
  stunnel: 'stunnel4',
  'systemd-analyze': 'systemd',
  'systemd-notify': 'systemd',
  telnet: 'telnet',
  tstclnt: 'libnss3-tools',
  wget: 'wget',
  zsh: 'zsh',
}

/** Programs that are there wherever the tests can run, and two that benchmarks start where they are found. */
const NO_PACKAGE: ReadonlySet<string> = new Set([
  'bash',
  'env',
  'node',
  'npm',
  'sh',
  'taskset',
  'traffic_server',
])

/** Whether a test may start a program by this name: what a machine may lack has an entry in the table. */
export const isKnownProgram = (program: string): boolean =>
  program.includes('/') || Object.hasOwn(PROGRAMS, program) || NO_PACKAGE.has(program)

/** Where nginx and the helpers of Squid lie, which are not on the path of a plain user. */
const ALSO = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/lib/squid']

/** PATH, and the folders of servers behind it. */
export const pathWithServers = (path = process.env['PATH'] ?? ''): string =>
  [...new Set([...path.split(delimiter).filter(folder => folder !== ''), ...ALSO])].join(delimiter)

/** Names the file in which skipped tests are noted, one JSON line each. `npm test` sets it. */
export const SKIPS_FILE = 'PORTCULLIS_TEST_SKIPS'

/** One test that was skipped for a missing program. */
export interface Skip {
  readonly program: string
  readonly test: string
}

/** True in CI: a missing program is a failure there. */
export const isCi = (env = process.env): boolean => !['', '0', 'false'].includes(env['CI'] ?? '')

/** Entries of the table that are no programs, but modules of Python. */
const MODULES: Readonly<Record<string, string>> = {
  'python3-grpcio': 'grpc',
  'python3-h2': 'h2',
  'python3-httpx': 'httpx, h2',
  'python3-requests': 'requests',
}

/** The file that runs when the program is started by its name, or undefined. */
export function findProgram(program: string, path = pathWithServers()): string | undefined {
  const module = MODULES[program]
  // The first of several Pythons may lack what a package has installed for another.
  if (module !== undefined)
    return filesOf('python3', path).find(python => spawnSync(python, ['-c', `import ${module}`]).status === 0)
  return filesOf(program, path)[0]
}

function filesOf(program: string, path: string): readonly string[] {
  const files = path.split(delimiter).map(folder => join(folder, program))
  return files.filter(file => {
    try {
      accessSync(file, constants.X_OK)
      return statSync(file).isFile()
    } catch {
      return false
    }
  })
}

/** The programs of the table that this machine lacks. */
export const missingPrograms = (path = pathWithServers()): string[] =>
  Object.keys(PROGRAMS).filter(program => findProgram(program, path) === undefined)

export class ProgramMissing extends Error {
  readonly program: string
  constructor(program: string) {
    super(`needs ${program} (Debian package ${PROGRAMS[program]})`)
    this.name = 'ProgramMissing'
    this.program = program
  }
}
