/** Returns an object that acts as `target` does, except for these members. */
export function withMembers<T extends object>(target: T, members: Readonly<Partial<T>>): T {
  return new Proxy(target, {
    get: (_, name) => members[name as keyof T] ?? memberOf(target, name),
  });
}

function memberOf<T extends object>(target: T, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === 'function' ? value.bind(target) : value;
}
