// SPDX-License-Identifier: Apache-2.0
/** Attribute keys of HTTP spans, encoded once. Names: OpenTelemetry semantic conventions for HTTP (stable). */
import { attributeKey } from '@obi/core/probe';
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_CLIENT_PORT,
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_FULL,
  ATTR_URL_PATH,
  ATTR_URL_QUERY,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions';

export const CLIENT_ADDRESS = attributeKey(ATTR_CLIENT_ADDRESS);
export const CLIENT_PORT = attributeKey(ATTR_CLIENT_PORT);
export const ERROR_TYPE = attributeKey(ATTR_ERROR_TYPE);
export const METHOD = attributeKey(ATTR_HTTP_REQUEST_METHOD);
export const METHOD_ORIGINAL = attributeKey(ATTR_HTTP_REQUEST_METHOD_ORIGINAL);
export const STATUS_CODE = attributeKey(ATTR_HTTP_RESPONSE_STATUS_CODE);
export const ROUTE = attributeKey(ATTR_HTTP_ROUTE);
export const PEER_ADDRESS = attributeKey(ATTR_NETWORK_PEER_ADDRESS);
export const PEER_PORT = attributeKey(ATTR_NETWORK_PEER_PORT);
export const PROTOCOL_VERSION = attributeKey(ATTR_NETWORK_PROTOCOL_VERSION);
export const SERVER_ADDRESS = attributeKey(ATTR_SERVER_ADDRESS);
export const SERVER_PORT = attributeKey(ATTR_SERVER_PORT);
export const URL_FULL = attributeKey(ATTR_URL_FULL);
export const URL_PATH = attributeKey(ATTR_URL_PATH);
export const URL_QUERY = attributeKey(ATTR_URL_QUERY);
export const URL_SCHEME = attributeKey(ATTR_URL_SCHEME);
// In the conventions' incubating part, which the package does not export by a stable name.
export const REQUEST_BODY_SIZE = attributeKey('http.request.body.size');
export const RESPONSE_BODY_SIZE = attributeKey('http.response.body.size');
