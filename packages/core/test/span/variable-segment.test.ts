// SPDX-License-Identifier: Apache-2.0
import { isVariableSegment } from '../../src/span/variable-segment.js';

test.each([
  ...[
    'users',
    'api',
    'v1',
    'v2.1',
    'healthz',
    'xhtml',
    'getUserById',
    'findAllActiveSubscriptionsOfUser',
    'GetHTTPStatus',
    'forgot-password',
    'index.html',
    'favicon.ico',
    'app.min.js',
  ],
  ...[
    'oauth2',
    'ipv4',
    'log4j',
    's3',
    'com.example.UserService',
    '$metadata',
    '.well-known',
    'users:batchGet',
    'transcripts',
    'strengths',
    'thumbprints',
    'lightweight',
    'partnerships',
    '~',
  ],
  ...['cafe', 'added', 'decade', 'internationalization', 'signup', 'UPLOADS'],
])('%s is a name', (segment) => expect(isVariableSegment(segment)).toBe(false));

test.each([
  ...['1', '42', '-7', '3.14', '2024-01-31', '1_000', 'user-123', 'order12345', '0x1f', 'a1b2c3'],
  ...[
    '550e8400-e29b-41d4-a716-446655440000',
    '550E8400E29B41D4A716446655440000',
    'deadbeef',
    '3f2a9c1',
    '507f1f77bcf86cd799439011',
    '01ARZ3NDEKTSV4RRFFQ69G5FAV',
    'V1StGXR8_Z5jdHi6B-myT',
  ],
  ...[
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc',
    'me@example.com',
    'hello%20world',
    'a,b',
    'cart;jsessionid=1',
    'k=v',
    "O'Hara",
    'Zürich',
    '(1)',
    'how-to-bake-a-cake',
  ],
  ...['qwrtzpsdfgh', 'xkcdbvnmklpq', 'a'.repeat(65), 'thisisonelongwordwithoutanybreak'],
])('%s is a value', (segment) => expect(isVariableSegment(segment)).toBe(true));
