# SPDX-License-Identifier: Apache-2.0
vox_fuzz(forwarded DEPS vox_gate)
