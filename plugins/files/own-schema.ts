import { Ajv, type Options, type ValidateFunction } from 'ajv'

/**
 * The check of a JSON schema that a plugin brings. It is compiled when it is first asked for. The schema is not checked against
 * the schema of schemas, which would have to be compiled as well, and what is made of it is not optimised: both take longer
 * than all runs of the result. Strict mode still finds unknown keywords.
 * @param options of ajv
 */
export function ownSchema<T>(schema: object, options: Options = {}): () => ValidateFunction<T> {
  let check: ValidateFunction<T> | undefined
  return () => {
    check ??= new Ajv({
      meta: false,
      validateSchema: false,
      code: { optimize: false },
      ...options,
    }).compile<T>(schema)
    return check
  }
}
