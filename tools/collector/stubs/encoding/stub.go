// SPDX-License-Identifier: Apache-2.0

// Package encoding is an empty stand-in: see ../../builder-config.yaml.
package encoding
