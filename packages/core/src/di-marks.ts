// SPDX-License-Identifier: Apache-2.0
/**
 * The marks of dependency injection, by value: what a probe compiled against its own copy of core says about its classes is understood by the core that runs it,
 * and a probe's module loads no container library.
 */

/** A class whose constructor parameters are resolved by their `@inject(token)` marks. */
// biome-ignore lint/suspicious/noExplicitAny: a constructor of any shape; its parameters are resolved by token
export type Constructor<T = unknown> = new (...args: any[]) => T;

/**
 * What a value is registered and asked for by: a `Symbol.for('obi.X')` beside `interface X` (two copies of core agree on it), or a class.
 * The type parameter documents what is behind the token; a symbol carries no type, so `resolve<X>(X)` names it.
 */
export type InjectionToken<T = unknown> = symbol | Constructor<T>;

const TOKENS = Symbol.for('obi.di.tokens');
type Marked = { [TOKENS]?: InjectionToken[] };

/** Marks a constructor parameter with the token that is resolved for it. */
export function inject(token: InjectionToken): ParameterDecorator {
  return (target, _key, index) => {
    const marked = target as Marked;
    // Own, not inherited: a subclass with a constructor says all of its parameters itself.
    if (!Object.hasOwn(target, TOKENS)) Object.defineProperty(target, TOKENS, { value: [] });
    (marked[TOKENS] as InjectionToken[])[index] = token;
  };
}

/** Marks a class whose constructor has `@inject` parameters: for readers; the container goes by the parameters' marks. */
export function injectable<T>(): (target: Constructor<T>) => void {
  return () => {};
}

/** The tokens of a class' constructor parameters, in order; those of the class that it extends when it has no constructor of its own. */
export function tokensOf(type: Constructor): readonly InjectionToken[] {
  return (type as Marked)[TOKENS] ?? [];
}
