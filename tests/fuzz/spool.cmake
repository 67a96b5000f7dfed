# SPDX-License-Identifier: Apache-2.0
vox_fuzz(spool_answer DEPS vox_spool vox_wire vox_base)
vox_fuzz(spool_logs DEPS vox_spool vox_wire vox_base)
