import { AjvCompiler } from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'

type Factories = NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>

const makeValidator = AjvCompiler()
const makeSerializer = SerializerSelector()

type Validator = ReturnType<ReturnType<typeof makeValidator>>

const buildValidator: typeof makeValidator = (schemas, options) => {
  const compile = makeValidator(schemas, options)
  return route => {
    let made: Validator | undefined
    const validate = (data: unknown): unknown => {
      made ??= compile(route)
      const result = made(data)
      // Fastify reads them there.
      Object.assign(validate, { errors: made.errors })
      return result
    }
    return validate as Validator
  }
}

const buildSerializer: typeof makeSerializer = (schemas, options) => {
  const compile = makeSerializer(schemas, options)
  return route => {
    let made: ReturnType<typeof compile> | undefined
    return data => {
      made ??= compile(route)
      return made(data)
    }
  }
}

/**
 * The compilers of fastify, which compile a schema with the first request that needs it. All of them at once take 0.1 s,
 * and most proxies are asked for few of their routes.
 */
export const LAZY_SCHEMAS = { buildValidator, buildSerializer } satisfies Factories
