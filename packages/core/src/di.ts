// SPDX-License-Identifier: Apache-2.0
/** The only file that knows which dependency-injection library is used; everything else sees tokens and this facade. */
import 'reflect-metadata';
import { type DependencyContainer, container as rootContainer, inject as tsyringeInject, injectable as tsyringeInjectable } from 'tsyringe';
import { type Constructor, type InjectionToken, tokensOf } from './di-marks.js';

export { type Constructor, type InjectionToken, inject, injectable } from './di-marks.js';

const known = new WeakSet<Constructor>();

/** Tells the library what the marks of a class say, and of the classes that it asks for; once each. */
function makeKnown(token: InjectionToken): void {
  if (typeof token !== 'function' || known.has(token)) return;
  known.add(token);
  tokensOf(token).forEach((wanted, index) => {
    makeKnown(wanted);
    tsyringeInject(wanted as symbol)(token, undefined, index);
  });
  tsyringeInjectable()(token);
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
    makeKnown(type);
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
    makeKnown(token);
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
