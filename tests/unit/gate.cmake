# SPDX-License-Identifier: Apache-2.0
vox_unit_test(gate DEPS vox_gate)
vox_unit_test(address DEPS vox_core)
vox_unit_test(service DEPS vox_core)
vox_unit_test(metrics DEPS vox_core)
vox_unit_test(limit DEPS vox_gate)
vox_unit_test(client_address DEPS vox_gate)
vox_unit_test(seal DEPS vox_gate)
