import { Ajv, type Options, type ValidateFunction } from 'ajv'

/**
 * Our own schemas are not checked against the schema of schemas, which would have to be compiled as well, and what is made
 * of them is not optimised: that takes ten times as long as all its runs. Strict mode still finds unknown keywords.
 */
const QUICK: Options = { meta: false, validateSchema: false, code: { optimize: false } }

/** Makes checks of JSON schemas of ours when they are first used: compiling all of them took half of the time of a start. */
export class Schemas {
  readonly #options: Options
  #ajv: Ajv | undefined

  /** @param options of ajv */
  constructor(options: Options = {}) {
    this.#options = options
  }

  /** @returns a function that gives the check of the schema; its first call compiles the schema */
  check<T>(schema: object): () => ValidateFunction<T> {
    let check: ValidateFunction<T> | undefined
    return () => {
      this.#ajv ??= new Ajv({ ...QUICK, ...this.#options })
      check ??= this.#ajv.compile<T>(schema)
      return check
    }
  }
}
