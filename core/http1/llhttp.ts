import { createRequire } from 'node:module'
import { ProxyError } from '../base/errors.js'

const require = createRequire(import.meta.url)

/**
 * llhttp, Node's own HTTP parser, in its WebAssembly build: one instance for the whole process, and in it one small
 * struct per parser. Strict: no leniency flag is ever set.
 *
 * The instance knows one parser at a time, the one that `run` executes. A callback may run another parser, because bytes
 * of one connection can cause writes on another; each depth therefore has its own input buffer.
 */

/** enum llhttp_type */
export const TYPE = { request: 1, response: 2 } as const
/** enum llhttp_errno, those that this program tells apart. */
export const ERRNO = {
  ok: 0,
  invalidMethod: 6,
  invalidUrl: 7,
  paused: 21,
  pausedUpgrade: 22,
  pausedHttp2: 23,
  user: 24,
} as const
/** What on_headers_complete may answer. */
export const BODY = { asFramed: 0, none: 1, upgrade: 2, later: ERRNO.paused } as const

/** Input is handed over in slices of this size, which bounds what the instance ever allocates. */
const SLICE = 65_536

/** The callbacks of a parser. A result other than 0 ends the run. They must not throw. */
export interface Callbacks {
  begin(): number
  url(part: string): number
  statusText(part: string): number
  field(part: string): number
  value(part: string): number
  headersComplete(status: number, isUpgrade: boolean): number
  body(bytes: Buffer): number
  messageComplete(): number
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  readonly malloc: (size: number) => number
  readonly _initialize: () => void
  readonly llhttp_alloc: (type: number) => number
  readonly llhttp_free: (parser: number) => void
  readonly llhttp_execute: (parser: number, data: number, length: number) => number
  readonly llhttp_finish: (parser: number) => number
  readonly llhttp_resume: (parser: number) => void
  readonly llhttp_resume_after_upgrade: (parser: number) => void
  readonly llhttp_get_error_pos: (parser: number) => number
  readonly llhttp_get_error_reason: (parser: number) => number
  readonly llhttp_should_keep_alive: (parser: number) => number
  readonly llhttp_get_http_major: (parser: number) => number
  readonly llhttp_get_http_minor: (parser: number) => number
  readonly llhttp_get_method: (parser: number) => number
}

/** Node's compiler types know WebAssembly only together with the browser's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown }
}

/** `toString('latin1')` without the search for the encoding: this is called for every name and value. */
interface Latin1 {
  latin1Slice(start: number, end: number): string
}

/** Characters of a head that become one string. Names and values are substrings of it, which is cheaper than many strings. */
const WINDOW = 1024

let parser: Callbacks | undefined
let input: Buffer & Latin1 = latin1(Buffer.alloc(0))
/** What to add to an address inside the instance to have an index into `input`. */
let shift = 0
/** `input` from `textFrom` on, as far as a window goes. */
let textOf = ''
let textFrom = 0
let depth = 0
const arenas: number[] = []

/** The imports of the module. A callback that throws is caught there; anything but 0 ends the run. */
const callbacks = {
  wasm_on_message_begin: () => current().begin(),
  wasm_on_url: (_: number, at: number, length: number) => current().url(text(at, length)),
  wasm_on_status: (_: number, at: number, length: number) => current().statusText(text(at, length)),
  wasm_on_header_field: (_: number, at: number, length: number) => current().field(text(at, length)),
  wasm_on_header_value: (_: number, at: number, length: number) => current().value(text(at, length)),
  wasm_on_headers_complete: (_: number, status: number, upgrade: number) =>
    current().headersComplete(status, upgrade === 1),
  wasm_on_body: (_: number, at: number, length: number) =>
    current().body(input.subarray(at + shift, at + shift + length)),
  wasm_on_message_complete: () => current().messageComplete(),
}

function text(at: number, length: number): string {
  const from = at + shift
  if (length > WINDOW) return input.latin1Slice(from, from + length)
  if (from < textFrom || from + length > textFrom + textOf.length) {
    textOf = input.latin1Slice(from, Math.min(from + WINDOW, input.length))
    textFrom = from
  }
  return textOf.substring(from - textFrom, from - textFrom + length)
}

function latin1(bytes: Buffer): Buffer & Latin1 {
  return bytes as Buffer & Latin1
}

function current(): Callbacks {
  if (parser === undefined) throw new ProxyError('PTC_INTERNAL', 'llhttp called back outside of a run')
  return parser
}

/** The result of `run` and `finish`. */
export interface RunResult {
  readonly errno: number
  /** How many bytes were consumed. */
  readonly consumed: number
}

const llhttp = load()
let memory = new Uint8Array(llhttp.memory.buffer)

export const allocParser = (type: number): number => llhttp.llhttp_alloc(type)
export const freeParser = (pointer: number): void => llhttp.llhttp_free(pointer)
/** Resumes after every kind of stop: each of the two calls ignores the other's. */
export const resumeParser = (pointer: number): void => {
  llhttp.llhttp_resume(pointer)
  llhttp.llhttp_resume_after_upgrade(pointer)
}
export const shouldKeepAlive = (pointer: number): boolean => llhttp.llhttp_should_keep_alive(pointer) === 1
/** `10` for HTTP/1.0, `11` for HTTP/1.1. */
export const httpVersion = (pointer: number): number =>
  llhttp.llhttp_get_http_major(pointer) * 10 + llhttp.llhttp_get_http_minor(pointer)

/** The method of a request, as a number of {@link METHODS}. */
export const methodNumber = (pointer: number): number => llhttp.llhttp_get_method(pointer)

/** Parses `bytes` until they are used up, the parser pauses, or an error. */
export function run(target: Callbacks, pointer: number, bytes: Buffer): RunResult {
  if (bytes.length > 0 && bytes.length <= SLICE) return runSlice(target, pointer, bytes)
  let consumed = 0
  while (consumed < bytes.length) {
    const result = runSlice(target, pointer, bytes.subarray(consumed, consumed + SLICE))
    consumed += result.consumed
    if (result.errno !== ERRNO.ok) return { errno: result.errno, consumed }
  }
  return { errno: ERRNO.ok, consumed }
}

function runSlice(target: Callbacks, pointer: number, slice: Buffer): RunResult {
  const outerParser = parser
  const outerInput = input
  const outerShift = shift
  const arena = arenaAt(depth)
  if (memory.buffer !== llhttp.memory.buffer) memory = new Uint8Array(llhttp.memory.buffer)
  memory.set(slice, arena)
  enter(target, latin1(slice), -arena)
  depth += 1
  try {
    const errno = llhttp.llhttp_execute(pointer, arena, slice.length)
    const consumed = errno === ERRNO.ok ? slice.length : llhttp.llhttp_get_error_pos(pointer) - arena
    return { errno, consumed }
  } finally {
    depth -= 1
    enter(outerParser, outerInput, outerShift)
  }
}

function enter(target: Callbacks | undefined, bytes: typeof input, toIndex: number): void {
  parser = target
  input = bytes
  shift = toIndex
  textOf = ''
}

/** Tells the parser that the sender has sent its last byte. */
export function finishRun(target: Callbacks, pointer: number): RunResult {
  const outer = parser
  parser = target
  try {
    return { errno: llhttp.llhttp_finish(pointer), consumed: 0 }
  } finally {
    parser = outer
  }
}

/** llhttp's sentence for the last error. */
export function errorReason(pointer: number): string {
  const at = llhttp.llhttp_get_error_reason(pointer)
  if (at === 0) return ''
  const bytes = Buffer.from(llhttp.memory.buffer, at)
  return bytes.toString('latin1', 0, bytes.indexOf(0))
}

function arenaAt(index: number): number {
  const known = arenas[index]
  if (known !== undefined) return known
  const arena = llhttp.malloc(SLICE)
  if (arena === 0) throw new ProxyError('PTC_INTERNAL', 'llhttp has no memory left for its input')
  arenas[index] = arena
  return arena
}

/** Names of methods by their numbers. */
export const METHODS: readonly string[] = methodNames()

function methodNames(): string[] {
  const {
    METHODS: byName,
  }: { METHODS: Readonly<Record<string, number>> } = require('undici/lib/llhttp/constants.js')
  const names: string[] = []
  for (const [name, number] of Object.entries(byName)) names[number] = name
  return names
}

/** undici carries the build; only these files of it are used. Node without SIMD takes the plain one. */
function load(): Exports {
  const instantiate = (file: string): Exports => {
    const bytes: Buffer = require(`undici/lib/llhttp/${file}`)
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: callbacks })
    return instance.exports as Exports
  }
  let exports: Exports
  try {
    exports = instantiate('llhttp_simd-wasm.js')
  } catch {
    exports = instantiate('llhttp-wasm.js')
  }
  exports._initialize()
  return exports
}
