/**
 * Describes a property that is computed when it is read, and listed among the others: `Object.keys`, a spread and JSON have
 * it. To be made once for all objects of a class: with one function for all of them, they keep one shape.
 */
export function accessor<T extends object>(read: (of: T) => unknown): PropertyDescriptor {
  return {
    enumerable: true,
    get(this: T): unknown {
      return read(this)
    },
  }
}
