// SPDX-License-Identifier: Apache-2.0
/** Attribute keys of Redis spans, encoded once. Names: OpenTelemetry semantic conventions for databases (stable). */
import { attributeKey } from '@obi/core/probe';
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_CLIENT_PORT,
  ATTR_DB_OPERATION_BATCH_SIZE,
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_RESPONSE_STATUS_CODE,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_NETWORK_PEER_ADDRESS,
  ATTR_NETWORK_PEER_PORT,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
} from '@opentelemetry/semantic-conventions';

export const SYSTEM_NAME = attributeKey(ATTR_DB_SYSTEM_NAME);
export const OPERATION_NAME = attributeKey(ATTR_DB_OPERATION_NAME);
export const BATCH_SIZE = attributeKey(ATTR_DB_OPERATION_BATCH_SIZE);
export const RESPONSE_STATUS = attributeKey(ATTR_DB_RESPONSE_STATUS_CODE);
export const ERROR_TYPE = attributeKey(ATTR_ERROR_TYPE);
export const SERVER_ADDRESS = attributeKey(ATTR_SERVER_ADDRESS);
export const SERVER_PORT = attributeKey(ATTR_SERVER_PORT);
export const CLIENT_ADDRESS = attributeKey(ATTR_CLIENT_ADDRESS);
export const CLIENT_PORT = attributeKey(ATTR_CLIENT_PORT);
export const PEER_ADDRESS = attributeKey(ATTR_NETWORK_PEER_ADDRESS);
export const PEER_PORT = attributeKey(ATTR_NETWORK_PEER_PORT);
