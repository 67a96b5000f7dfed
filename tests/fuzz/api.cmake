# SPDX-License-Identifier: Apache-2.0
vox_fuzz(cursor DEPS vox_api)
