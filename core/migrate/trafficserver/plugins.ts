import { basename, resolve } from 'node:path'
import { tokenize } from '../../config/plugin-tokens.js'
import { checkFile, linesOf, type Source, textOf } from '../source.js'
import { OLD_PLUGINS } from './plugin-table.js'

/** Reads plugin.config. Plugins that come with Portcullis stay; for each other line, a finding says what becomes of it. */
export function migratePlugins(source: Source): void {
  const { facts, findings, shipped } = source
  for (const { text, where } of linesOf(textOf(source, 'plugin.config') ?? '', 'plugin.config')) {
    const cut = tokenize(text)
    const [path = '', ...args] = 'wrong' in cut ? [] : cut.tokens.map(token => token.text)
    if ('wrong' in cut) {
      findings.add('wrong', where, cut.wrong)
      continue
    }
    const name = basename(path).replace(/\.(?:so|[cm]?js)$/, '')
    const known = OLD_PLUGINS[name.replace(/^libts?/, '')]
    if (shipped.has(name)) {
      facts.plugins.push(text)
      findings.add('kept', where, name)
    } else if (name === 'certifier') migrateCertifier(source, where, args)
    else if (known === undefined)
      findings.add(
        'undecided',
        where,
        `the plugin ${name} is not known, and may decide who goes where; ${WRITE}`,
      )
    else findings.add(known.decides ? 'undecided' : 'lost', where, `the plugin ${name}: ${known.here}`)
  }
}

const WRITE = 'write it again for Portcullis (`portcullis plugin new`)'

/** The plugin that signs certificates for the names of clients is the bump mode here. */
function migrateCertifier(source: Source, where: string, args: readonly string[]): void {
  const { facts, findings } = source
  const of = (option: string): string | undefined => {
    const at = args.findIndex(arg => arg === option || arg.startsWith(`${option}=`))
    const arg = args[at]
    return arg === undefined ? undefined : arg.includes('=') ? arg.slice(arg.indexOf('=') + 1) : args[at + 1]
  }
  const [certificate, key] = [of('--sign-cert'), of('--sign-key')]
  if (certificate === undefined || key === undefined)
    return void findings.add('undecided', where, 'the plugin certifier has no --sign-cert or --sign-key')
  facts.set('proxy.config.http.connect.verify', 'bump')
  facts.set('proxy.config.ssl.bump.CA.cert.filename', resolve(source.dir, certificate))
  facts.set('proxy.config.ssl.bump.CA.private_key.filename', resolve(source.dir, key))
  findings.add(
    'changed',
    where,
    `the plugin certifier becomes proxy.config.http.connect.verify bump, with ${certificate}`,
  )
  findings.add('lost', where, 'the plugin certifier: certificates are kept in memory, at most 1000')
  for (const path of [certificate, key]) checkFile(source, where, 'the file', path)
}
