# SPDX-License-Identifier: Apache-2.0
vox_fuzz(http_framing DEPS vox_http)
