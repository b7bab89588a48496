// SPDX-License-Identifier: Apache-2.0
/** Records → spans, with the probe's own definition. */
import { Config, ConfigRoutes, Container, Logger, loadConfig, Routes, silentLogger } from '@obi/core';
import { type RecordedSpan, type RecordingOptions, replay } from '@obi/probe-kit';
import probe from '../../src/index.js';
import { clientExchange, type Exchange, exchange } from './exchange.js';

export type Settings = Readonly<Record<string, unknown>>;

/** Routes as obi itself makes them; without a setting there are none. */
function container(settings: Settings): Container {
  const { config } = loadConfig({ env: {}, overrides: { 'routes.unmatched': 'unset', ...settings } });
  return Container.create()
    .registerValue(Config, config)
    .registerValue(Logger, silentLogger)
    .registerFactory(Routes, () => new ConfigRoutes(config.routes));
}

export const spansOf = (records: readonly Uint8Array[], settings: Settings = {}, options: RecordingOptions = {}): RecordedSpan[] =>
  replay(probe, records, container(settings), options);

function only([span, ...others]: RecordedSpan[]): RecordedSpan {
  if (span === undefined || others.length > 0) throw new Error(`expected one span, not ${others.length + (span === undefined ? 0 : 1)}`);
  return span;
}

export const serverSpan = (of: Exchange = {}, settings: Settings = {}): RecordedSpan => only(spansOf([exchange(of)], settings));
export const clientSpan = (of: Exchange = {}, settings: Settings = {}): RecordedSpan => only(spansOf([clientExchange(of)], settings));
