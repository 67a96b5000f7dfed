# SPDX-License-Identifier: Apache-2.0
vox_fuzz(config DEPS vox_config)
