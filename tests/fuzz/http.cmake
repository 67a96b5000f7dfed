# SPDX-License-Identifier: Apache-2.0
vox_fuzz(address DEPS vox_core)
vox_fuzz(service DEPS vox_core)
vox_fuzz(http_chunked DEPS vox_http)
vox_fuzz(http_framing DEPS vox_http)
