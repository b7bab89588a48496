// SPDX-License-Identifier: Apache-2.0

// Package otlpencodingextension is an empty stand-in: see ../../builder-config.yaml.
package otlpencodingextension
