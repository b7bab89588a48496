// SPDX-License-Identifier: Apache-2.0
module obi.test/leaf

go 1.19
