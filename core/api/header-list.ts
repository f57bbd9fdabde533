import { ProxyError } from '../base/errors.js'
import { fieldEntries, fieldValues } from '../base/fields.js'
import { wordSet } from '../base/text.js'
import { describe } from '../base/thrown.js'
import type { HeaderFields } from './transaction-hooks.js'

/** Fields that belong to a connection, or say where a message ends: changed, they would make it another message. */
const NOT_FOR_PLUGINS = wordSet(`
  connection content-length host keep-alive proxy-connection te trailer transfer-encoding upgrade
`)

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** RFC 9110 section 5.5: no control character but the tab, and nothing that a byte cannot be. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** The fields of one message while plugins look at it: names and values in turn, changed by one plugin for the next. */
export class HeaderList {
  #flat: readonly string[]
  #isChanged = false

  /** @param flat is not changed itself */
  constructor(flat: readonly string[]) {
    this.#flat = flat
  }

  get flat(): readonly string[] {
    return this.#flat
  }

  get isChanged(): boolean {
    return this.#isChanged
  }

  /** What a plugin is handed. @param turn beyond which it can change nothing */
  view(turn: { readonly isOpen: boolean }): HeaderFields {
    const change = (name: unknown): string => {
      if (!turn.isOpen) throw wrong('the turn of the plugin is over: the fields cannot be changed any more')
      return checkedName(name)
    }
    return Object.freeze<HeaderFields>({
      get: name => {
        const all = this.#valuesOf(name)
        return all.length === 0 ? undefined : all.join(', ')
      },
      getAll: name => this.#valuesOf(name),
      entries: () => fieldEntries(this.#flat),
      set: (name, value) => this.#set(change(name), typeof value === 'string' ? [value] : value),
      append: (name, value) => this.#put([...this.#flat, change(name), checkedValue(name, value)]),
      remove: name => this.#remove(change(name)),
    })
  }

  #valuesOf(name: string): readonly string[] {
    return typeof name === 'string' ? fieldValues(this.#flat, name.toLowerCase()) : []
  }

  #set(name: string, values: unknown): void {
    if (!Array.isArray(values)) throw wrong(`${name} takes a string, or a list of strings`)
    const fields = Array.from<unknown>(values).flatMap(value => [name, checkedValue(name, value)])
    const wanted = name.toLowerCase()
    const out: string[] = []
    let isSet = false
    for (const [field, value] of fieldEntries(this.#flat)) {
      if (field.toLowerCase() !== wanted) out.push(field, value)
      else if (!isSet) {
        out.push(...fields)
        isSet = true
      }
    }
    if (!isSet) out.push(...fields)
    this.#put(out)
  }

  #remove(name: string): boolean {
    const wanted = name.toLowerCase()
    const kept = fieldEntries(this.#flat).filter(([field]) => field.toLowerCase() !== wanted)
    if (kept.length * 2 === this.#flat.length) return false
    this.#put(kept.flat())
    return true
  }

  #put(flat: readonly string[]): void {
    this.#flat = flat
    this.#isChanged = true
  }
}

function checkedName(name: unknown): string {
  if (typeof name !== 'string' || !TOKEN.test(name))
    throw wrong(`"${describe(name)}" is no name of a header field`)
  if (NOT_FOR_PLUGINS.has(name.toLowerCase()))
    throw wrong(`${name} belongs to the connection, or frames the body: plugins do not change it`)
  return name
}

function checkedValue(name: string, value: unknown): string {
  if (typeof value === 'string' && VALUE.test(value)) return value.trim()
  throw wrong(`the value of ${name} is no string of visible characters of Latin-1`)
}

const wrong = (message: string): ProxyError => new ProxyError('PTC_PLUGIN_CALL', message)
