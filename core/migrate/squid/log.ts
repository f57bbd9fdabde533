/** logformat and access_log. */
import { basename, dirname } from 'node:path'
import { changeLogFormat, keepLogFormat, type Source } from '../source.js'
import type { Directive } from './conf.js'

const BUILT_IN: Readonly<Record<string, string>> = { squid: 'squid', common: 'common', combined: 'extended' }

/** Codes of Squid, without width and quoting, and fields of ours. */
const CODES: Readonly<Record<string, string>> = {
  'ts.%03tu': '%<cqtq>',
  ts: '%<cqts>',
  tl: '[%<cqtn>]',
  tr: '%<ttms>',
  '>a': '%<chi>',
  '>p': '%<chp>',
  un: '%<caun>',
  ul: '%<caun>',
  Ss: '%<crc>',
  '>Hs': '%<pssc>',
  Hs: '%<pssc>',
  '<st': '%<psql>',
  st: '%<psql>',
  rm: '%<cqhm>',
  ru: '%<cquc>',
  rv: '%<cqhv>',
  Sh: '%<phr>',
  '<a': '%<shi>',
  '<A': '%<shn>',
  mt: '%<psct>',
  'ssl::>sni': '%<cssn>',
}

const CODE =
  /%(?<time>ts\.%03tu)|%(?<flags>[-"'[#/{}]*)(?<width>0?\d*(?:\.\d+)?)(?:\{(?<arg>[^}]*)\})?(?<code>ssl::[<>]?\w+|[<>]{0,2}\w+?(?=[^\w]|$|%)|[<>]?\w+)/g

/** A format with the fields that exist here. */
export function translate(spec: string): { readonly format: string; readonly missing: readonly string[] } {
  const missing: string[] = []
  const format = spec.replaceAll(CODE, (whole, ...rest: unknown[]) => {
    const { time, code = '', arg } = rest.at(-1) as Readonly<Record<string, string | undefined>>
    if (arg !== undefined && code === 'tl') return '[%<cqtn>]'
    if (arg !== undefined && /^>h$/.test(code)) return `%<{${arg}}cqh>`
    const field = CODES[time ?? code]
    if (field !== undefined) return field
    missing.push(whole)
    return '-'
  })
  return { format: format.replaceAll('[[%<cqtn>]]', '[%<cqtn>]'), missing }
}

export class Logs {
  readonly #source: Source
  readonly #formats = new Map<string, string>()
  #isWritten = false

  constructor(source: Source) {
    this.#source = source
  }

  define({ args: [name = '', ...rest], where }: Directive): void {
    if (BUILT_IN[name] !== undefined)
      return void this.#source.findings.add(
        'wrong',
        where,
        `logformat ${name} is built in; Squid ignores this line`,
      )
    this.#formats.set(name, rest.join(' '))
  }

  add({ args, where }: Directive): void {
    const { facts, findings } = this.#source
    const [place = '', ...rest] = args
    if (place === 'none') return void facts.set('proxy.config.log.logging_enabled', 0)
    if (this.#isWritten)
      return void findings.add('lost', where, `access_log ${place}: there is one access log`)
    this.#isWritten = true
    const path = place.replace(/^(?:stdio|daemon):/, '')
    const [word = 'squid', ...acls] = rest.filter(
      option => !option.startsWith('!') && !/^(?:rotate|buffer-size|on-error)=/.test(option),
    )
    const name = word.replace(/^logformat=/, '')
    if (acls.length > 0 || rest.some(option => option.startsWith('!')))
      findings.add('lost', where, 'access_log: all requests are logged')
    facts.set('proxy.config.log.logging_enabled', 3)
    if (path === '/proc/self/fd/1' || path === '/dev/stdout') facts.set('proxy.config.log.filename', 'stdout')
    else if (path.startsWith('/')) {
      facts.set('proxy.config.log.logfile_dir', dirname(path))
      facts.set('proxy.config.log.filename', basename(path))
    } else findings.add('lost', where, `access_log ${place}: the log is a file`)
    this.#format(name, where)
  }

  #format(name: string, where: string): void {
    const known = BUILT_IN[name]
    const spec = this.#formats.get(name)
    if (known !== undefined) keepLogFormat(this.#source, where, name, known)
    else if (spec === undefined) this.#source.findings.add('wrong', where, `there is no logformat ${name}`)
    else changeLogFormat(this.#source, where, name, 'codes', translate(spec))
  }
}
