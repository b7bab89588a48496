// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Container, inject, injectable } from '../src/di.js';

const Clock = Symbol.for('obi.test.Clock');
interface Clock {
  now(): number;
}

@injectable()
class Watch {
  constructor(@inject(Clock) readonly clock: Clock) {}
}

describe('Container', () => {
  test('resolves a class whose constructor asks for an interface by token', () => {
    const container = Container.create().registerValue<Clock>(Clock, { now: () => 42 });
    expect(container.resolve(Watch).clock.now()).toBe(42);
  });

  test('marks are read by value: a class marked by another copy of this module, and what it asks for in turn', () => {
    let copy: typeof import('../src/di-marks.js') | undefined;
    jest.isolateModules(() => {
      copy = jest.requireActual('../src/di-marks.js');
    });
    expect(copy?.inject).toBeInstanceOf(Function);
    expect(copy?.inject).not.toBe(inject);
    class Inner {
      constructor(readonly clock: Clock) {}
    }
    class Outer {
      constructor(
        readonly inner: Inner,
        readonly clock: Clock,
      ) {}
    }
    class Derived extends Outer {}
    copy?.inject(Clock)(Inner, undefined, 0);
    copy?.inject(Inner)(Outer, undefined, 0);
    copy?.inject(Clock)(Outer, undefined, 1);
    const container = Container.create().registerValue<Clock>(Clock, { now: () => 3 });
    expect(container.resolve(Outer).inner.clock.now()).toBe(3);
    expect(container.resolve(Derived).inner.clock.now()).toBe(3);
  });

  test('a class is a singleton unless it is asked to be transient', () => {
    const One = Symbol('one');
    const Many = Symbol('many');
    class Thing {}
    const container = Container.create().registerClass(One, Thing).registerClass(Many, Thing, 'transient');
    expect(container.resolve(One)).toBeInstanceOf(Thing);
    expect(container.resolve(One)).toBe(container.resolve(One));
    expect(container.resolve(Many)).not.toBe(container.resolve(Many));
  });

  test('a class under itself; a singleton of the parent does not see what a child registers', () => {
    const parent = Container.create()
      .registerValue<Clock>(Clock, { now: () => 1 })
      .registerClass(Watch, Watch);
    const child = parent.child().registerValue<Clock>(Clock, { now: () => 2 });
    expect(child.resolve(Watch)).toBe(parent.resolve(Watch));
    expect(child.resolve(Watch).clock.now()).toBe(1);
  });

  test('a factory is run at the first resolve and gets the container', () => {
    const Made = Symbol('made');
    let runs = 0;
    const container = Container.create()
      .registerValue<Clock>(Clock, { now: () => 7 })
      .registerFactory(Made, (c) => ({ run: ++runs, at: c.resolve<Clock>(Clock).now() }));
    expect(runs).toBe(0);
    expect(container.resolve(Made)).toEqual({ run: 1, at: 7 });
    expect(container.resolve(Made)).toEqual({ run: 1, at: 7 });
  });

  test('a child sees its parent; what it registers stays with it', () => {
    const parent = Container.create().registerValue<Clock>(Clock, { now: () => 1 });
    const child = parent.child();
    expect(child.resolve(Watch).clock.now()).toBe(1);
    child.registerValue<Clock>(Clock, { now: () => 2 });
    expect(child.resolve(Watch).clock.now()).toBe(2);
    expect(parent.resolve(Watch).clock.now()).toBe(1);
  });

  test('two roots share nothing, and a missing token is an error', () => {
    Container.create().registerValue<Clock>(Clock, { now: () => 1 });
    const other = Container.create();
    expect(other.has(Clock)).toBe(false);
    expect(() => other.resolve(Clock)).toThrow(/obi\.test\.Clock/);
  });
});

test('only di.ts knows tsyringe', () => {
  const root = join(__dirname, '../src');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'));
  const importers = files.filter((f) => /from '(tsyringe|reflect-metadata)'|import 'reflect-metadata'/.test(readFileSync(join(root, f), 'utf8')));
  expect(importers).toEqual(['di.ts']);
});
