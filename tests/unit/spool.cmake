# SPDX-License-Identifier: Apache-2.0
vox_unit_test(spool DEPS vox_spool vox_wire vox_base)
vox_unit_test(spool_entry DEPS vox_spool vox_wire vox_base)
vox_unit_test(spool_answer DEPS vox_spool vox_wire vox_base)
vox_unit_test(spool_git DEPS vox_spool vox_wire vox_base)
vox_unit_test(spool_limits DEPS vox_spool vox_wire vox_base)
vox_unit_test(spool_logs DEPS vox_spool vox_wire vox_base)
vox_unit_test(voxtelemetry DEPS vox_spool vox_wire vox_base)
