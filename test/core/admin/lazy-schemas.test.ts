import type { ValidateFunction } from 'ajv'
import { test } from 'tap'
import { LAZY_SCHEMAS } from '../../../core/admin/lazy-schemas.js'
import { SCHEMAS } from '../../../core/admin/schemas.js'

const { buildValidator, buildSerializer } = LAZY_SCHEMAS
const route = { method: 'POST', url: '/v1/x' }
const AJV = { customOptions: { removeAdditional: false } } as const

test('what is no schema is found with the first request, and not when the routes are made', async t => {
  const validate = buildValidator({}, AJV)({ ...route, schema: { type: 'nothing' } } as never)
  const serialize = buildSerializer({}, {})({ ...route, httpStatus: '200', schema: { type: 'nothing' } })
  t.throws(() => validate({}), /schema is invalid/)
  t.throws(() => serialize({}), /schema is invalid/)
})

test('a validator says what is wrong, each time', async t => {
  const schema = { type: 'object', required: ['who'], additionalProperties: false, properties: { who: {} } }
  const validate = buildValidator({}, AJV)({ ...route, schema }) as ValidateFunction
  t.equal(validate({}), false)
  t.match(validate.errors, [{ message: "must have required property 'who'" }])
  t.equal(validate({ who: 'ann' }), true)
  t.notOk(validate.errors)
  t.equal(validate({ who: 'ann', why: '' }), false)
  t.match(validate.errors, [{ message: 'must NOT have additional properties' }])
})

test('all schemas of the routes are schemas', async t => {
  const empty = (schema: object): string => JSON.stringify(schema)
  for (const [name, { body, querystring, params, response }] of Object.entries(
    SCHEMAS as Readonly<Record<string, Parts>>,
  )) {
    // Fastify's own compilers would take another body for a list or a text.
    t.match(body ?? { type: 'object' }, { type: 'object' }, `${name}: a body is an object`)
    for (const schema of [body, querystring, params])
      if (schema !== undefined)
        t.doesNotThrow(
          () => buildValidator({}, AJV)({ ...route, schema } as never)({}),
          `${name} ${empty(schema)}`,
        )
    for (const [httpStatus, schema] of Object.entries<{ readonly type?: string }>({ ...response }))
      if (schema.type === 'object')
        t.match(
          thrownBy(() => buildSerializer({}, {})({ ...route, httpStatus, schema })({})),
          /^$|is required/,
          `${name} ${httpStatus}`,
        )
  }
})

interface Parts {
  readonly body?: object
  readonly querystring?: object
  readonly params?: object
  readonly response?: object
}

function thrownBy(work: () => unknown): string {
  try {
    work()
    return ''
  } catch (cause) {
    return (cause as Error).message
  }
}
