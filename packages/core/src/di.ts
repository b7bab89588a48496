// SPDX-License-Identifier: Apache-2.0
/** The only file that knows which dependency-injection library is used; everything else sees tokens and this facade. */
import 'reflect-metadata';
import { type DependencyContainer, container as rootContainer, inject as tsyringeInject, injectable as tsyringeInjectable } from 'tsyringe';

/** A class whose constructor parameters are resolved by their `@inject(token)` marks. */
// biome-ignore lint/suspicious/noExplicitAny: a constructor of any shape; its parameters are resolved by token
export type Constructor<T = unknown> = new (...args: any[]) => T;

/**
 * What a value is registered and asked for by: a `Symbol.for('obi.X')` beside `interface X` (two copies of core agree on it), or a class.
 * The type parameter documents what is behind the token; a symbol carries no type, so `resolve<X>(X)` names it.
 */
export type InjectionToken<T = unknown> = symbol | Constructor<T>;

/** Marks a constructor parameter with the token that is resolved for it. */
export function inject(token: InjectionToken): ParameterDecorator {
  // The interface of decorators allows undefined property keys for constructor parameters; tsyringe types them the older way.
  return tsyringeInject(token as symbol) as ParameterDecorator;
}

/** Marks a class whose constructor has `@inject` parameters. A class without parameters needs no mark. */
export function injectable<T>(): (target: Constructor<T>) => void {
  return tsyringeInjectable<T>();
}

export type Scope = 'singleton' | 'transient';

/** A registry of values by token. Children see what their parents registered; what a child registers stays with it. */
export class Container {
  readonly #inner: DependencyContainer;

  private constructor(inner: DependencyContainer) {
    this.#inner = inner;
  }

  /** A container with nothing in it; it shares nothing with other roots. */
  static create(): Container {
    return new Container(rootContainer.createChildContainer());
  }

  /** Registers a ready value. A later registration of the same token wins. */
  registerValue<T>(token: InjectionToken<T>, value: T): this {
    this.#inner.register<T>(token as symbol, { useValue: value });
    return this;
  }

  /** Registers a class (also under itself); a singleton is constructed once, with what this container knows, whichever child asks. */
  registerClass<T>(token: InjectionToken<T>, type: Constructor<T>, scope: Scope = 'singleton'): this {
    const construct = Symbol(type.name);
    this.#inner.register<T>(construct, { useClass: type });
    return this.registerFactory(token, (container) => container.resolve<T>(construct), scope);
  }

  /** Registers a function that makes the value from the container; a singleton is made at the first `resolve`. */
  registerFactory<T>(token: InjectionToken<T>, factory: (container: Container) => T, scope: Scope = 'singleton'): this {
    let made: { readonly value: T } | undefined;
    this.#inner.register<T>(token as symbol, {
      useFactory: () => {
        if (scope === 'transient') return factory(this);
        made ??= { value: factory(this) };
        return made.value;
      },
    });
    return this;
  }

  /** @throws Error when nothing is registered under a symbol, or a dependency of the class cannot be resolved. */
  resolve<T>(token: InjectionToken<T>): T {
    return this.#inner.resolve<T>(token as symbol);
  }

  has(token: InjectionToken): boolean {
    return this.#inner.isRegistered(token as symbol, true);
  }

  /** A container for one part of the program (a probe, a run) that falls back to this one. */
  child(): Container {
    return new Container(this.#inner.createChildContainer());
  }
}
