/** The Lua files of Traffic Server 7 and 8, read as data: strings, numbers, true, false and tables. Nothing is run. */
import { ProxyError } from '../../base/errors.js'
import type { Source } from '../source.js'
import type { YamlItem } from './yaml-items.js'

type LuaValue = string | number | boolean | LuaTable
export interface LuaTable {
  readonly line: number
  /** By key; what has none, by number from 1. */
  readonly fields: Readonly<Record<string, LuaValue>>
}

/** `name = word { … }` or `word.word { … }`. */
export interface LuaStatement {
  readonly name: string
  readonly word: string
  readonly table: LuaTable
}

const TOKEN =
  /(?<space>\s+|--[^\n]*)|'(?<single>(?:[^'\\\n]|\\.)*)'|"(?<double>(?:[^"\\\n]|\\.)*)"|(?<number>-?\d+(?:\.\d+)?)|(?<word>[A-Za-z_][\w.]*)|(?<sign>[{}=,;[\]])/sy

const unreadable = (what: string): ProxyError => new ProxyError('PTC_MIGRATE', what)

interface Token {
  readonly kind: 'text' | 'number' | 'word' | 'sign'
  readonly text: string
  readonly line: number
}

class Reader {
  readonly #tokens: readonly Token[]
  #next = 0

  constructor(text: string) {
    this.#tokens = [...tokens(text)]
  }

  get isDone(): boolean {
    return this.#next >= this.#tokens.length
  }

  get line(): number {
    return this.#tokens[Math.min(this.#next, this.#tokens.length - 1)]?.line ?? 1
  }

  peek(offset = 0): string {
    const token = this.#tokens[this.#next + offset]
    return token?.kind === 'text' ? '' : (token?.text ?? '')
  }

  take(): Token {
    const token = this.#tokens[this.#next]
    if (token === undefined) throw unreadable('the file ends inside a table')
    this.#next += 1
    return token
  }

  value(): LuaValue {
    if (this.peek() === '{') return this.table()
    const { kind, text } = this.take()
    if (kind === 'text') return text
    if (kind === 'number') return Number(text)
    if (kind === 'word') return text === 'true' ? true : text === 'false' ? false : text
    throw unreadable(`${text} is no value`)
  }

  table(): LuaTable {
    const { line } = this.take()
    const fields: Record<string, LuaValue> = {}
    let count = 0
    while (this.peek() !== '}') {
      if (this.peek(1) === '=') {
        const { text } = this.take()
        this.take()
        fields[text] = this.value()
      } else fields[String(++count)] = this.value()
      if (this.peek() === ',' || this.peek() === ';') this.take()
      else if (this.peek() !== '}') throw unreadable(`${this.peek()} stands where , or } is expected`)
    }
    this.take()
    return { line, fields }
  }
}

function* tokens(text: string): Generator<Token> {
  let [at, line] = [0, 1]
  while (at < text.length) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    if (match === null) throw unreadable(`line ${line} cannot be read as data`)
    const { single, double, number, word, sign } = match.groups ?? {}
    const quoted = single ?? double
    if (quoted !== undefined) yield { kind: 'text', text: quoted.replace(/\\(.)/gs, '$1'), line }
    else if (number !== undefined) yield { kind: 'number', text: number, line }
    else if (word !== undefined) yield { kind: 'word', text: word, line }
    else if (sign !== undefined) yield { kind: 'sign', text: sign, line }
    line += match[0].split('\n').length - 1
    at = TOKEN.lastIndex
  }
}

/** The statements of a file; what cannot be read is a finding, and ends the reading. */
export function luaStatements({ findings }: Source, text: string, file: string): readonly LuaStatement[] {
  const statements: LuaStatement[] = []
  let line = 1
  try {
    const reader = new Reader(text)
    while (!reader.isDone) {
      line = reader.line
      const first = reader.take().text
      const isNamed = reader.peek() === '='
      if (isNamed) reader.take()
      const word = isNamed && reader.peek() !== '{' ? reader.take().text : isNamed ? '' : first
      if (reader.peek() !== '{') throw unreadable(`${word || first} is followed by no table`)
      statements.push({ name: isNamed ? first : '', word, table: reader.table() })
    }
  } catch (error) {
    findings.add('wrong', `${file}:${line}`, ProxyError.textOf(error))
  }
  return statements
}

/** The tables in the tables of a file, as maps in a list. */
export function luaItems(source: Source, text: string, file: string): readonly YamlItem[] {
  return luaStatements(source, text, file).flatMap(({ table }) =>
    Object.values(table.fields).flatMap(item =>
      typeof item === 'object' ? [{ value: item.fields, where: `${file}:${item.line}` }] : [],
    ),
  )
}
