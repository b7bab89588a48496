// SPDX-License-Identifier: Apache-2.0

import { otlpConfigFromEnvironment, otlpEndpointGiven } from '../src/config/config-from-environment.js';
import { DEFAULT_OTLP_CONFIG } from '../src/config/otlp-config.js';

describe('otlpConfigFromEnvironment', () => {
  test('defaults', () => {
    expect(otlpConfigFromEnvironment({})).toEqual(DEFAULT_OTLP_CONFIG);
    expect(otlpConfigFromEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ', OTEL_EXPORTER_OTLP_TIMEOUT: '' })).toEqual(DEFAULT_OTLP_CONFIG);
  });

  test.each([
    ['http://collector:4318', 'http://collector:4318/v1/traces'],
    ['http://collector:4318/', 'http://collector:4318/v1/traces'],
    ['https://collector/otlp', 'https://collector/otlp/v1/traces'],
    ['https://collector/otlp/?key=1', 'https://collector/otlp/v1/traces?key=1'],
  ])('the general endpoint %s gets the path of the signal', (endpoint, expected) => {
    expect(otlpConfigFromEnvironment({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }).endpoint).toBe(expected);
  });

  test('the endpoint for traces is taken as it is, and before the general one', () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:1', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b:2/custom' };
    expect(otlpConfigFromEnvironment(env).endpoint).toBe('http://b:2/custom');
    expect(otlpConfigFromEnvironment({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://b:2' }).endpoint).toBe('http://b:2/');
  });

  test('headers are URL-decoded; those for traces replace the general ones', () => {
    const env = { OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20abc%3D%3D, x-tenant = team one ,' };
    expect(otlpConfigFromEnvironment(env).headers).toEqual({ authorization: 'Basic abc==', 'x-tenant': 'team one' });
    expect(otlpConfigFromEnvironment({ ...env, OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=b=c' }).headers).toEqual({ a: 'b=c' });
  });

  test('the other variables', () => {
    const config = otlpConfigFromEnvironment({
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/protobuf',
      OTEL_EXPORTER_OTLP_TIMEOUT: '2500',
      OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'none',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/ca.pem',
      OTEL_EXPORTER_OTLP_CLIENT_KEY: '/key.pem',
      OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: '/cert.pem',
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '64',
    });
    expect(config).toMatchObject({
      timeoutMs: 2500,
      compression: 'gzip',
      tls: { certificate: '/ca.pem', clientKey: '/key.pem', clientCertificate: '/cert.pem' },
      scheduleDelayMs: 200,
      maxBatchSpans: 64,
    });
  });

  test('a timeout of 0 is kept: no limit', () => {
    expect(otlpConfigFromEnvironment({ OTEL_EXPORTER_OTLP_TIMEOUT: '0' }).timeoutMs).toBe(0);
  });

  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /OTEL_EXPORTER_OTLP_ENDPOINT is "collector:4318".*http:\/\/localhost:4318/],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'ftp://x' }, /OTEL_EXPORTER_OTLP_TRACES_ENDPOINT/],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /OTEL_EXPORTER_OTLP_PROTOCOL is "grpc".*"http\/protobuf".*4318/],
    [{ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' }, /OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is "http\/json"/],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '10s' }, /OTEL_EXPORTER_OTLP_TIMEOUT is "10s"/],
    [{ OTEL_EXPORTER_OTLP_COMPRESSION: 'zstd' }, /OTEL_EXPORTER_OTLP_COMPRESSION/],
    [{ OTEL_EXPORTER_OTLP_CLIENT_KEY: '/key.pem' }, /CLIENT_KEY and .*CLIENT_CERTIFICATE/],
    [{ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '0' }, /OTEL_BSP_MAX_EXPORT_BATCH_SIZE/],
    [{ OTEL_BSP_SCHEDULE_DELAY: '-1' }, /OTEL_BSP_SCHEDULE_DELAY/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=1,novalue' }, /OTEL_EXPORTER_OTLP_HEADERS has no "name=" in entry 2 of 2/],
    [{ OTEL_EXPORTER_OTLP_TRACES_HEADERS: '=x' }, /OTEL_EXPORTER_OTLP_TRACES_HEADERS has no "name=" in entry 1 of 1/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'bad name=1' }, /OTEL_EXPORTER_OTLP_HEADERS has a header "bad name"/],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=%0d%0aevil' }, /OTEL_EXPORTER_OTLP_HEADERS has a header "a"/],
  ])('%o is refused by name', (env, message) => {
    expect(() => otlpConfigFromEnvironment(env)).toThrow(expect.objectContaining({ code: 'OBI_ERR_CONFIG_INVALID', message: expect.stringMatching(message) }));
  });

  test('all problems come in one error, and no secret is repeated', () => {
    const env = { OTEL_EXPORTER_OTLP_TIMEOUT: 'x', OTEL_EXPORTER_OTLP_HEADERS: 'authorization=hunter2%', OTEL_EXPORTER_OTLP_COMPRESSION: 'y' };
    const message = (() => {
      try {
        otlpConfigFromEnvironment(env);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message).toMatch(/3 problems/);
    expect(message).not.toContain('hunter2');
  });

  test('otlpEndpointGiven', () => {
    expect(otlpEndpointGiven({})).toBe(false);
    expect(otlpEndpointGiven({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBe(false);
    expect(otlpEndpointGiven({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://x' })).toBe(true);
  });
});
