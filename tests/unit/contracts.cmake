# SPDX-License-Identifier: Apache-2.0
vox_unit_test(contracts DEPS vox_contracts)
vox_unit_test(contracts_check DEPS vox_contracts)
vox_unit_test(contracts_drift DEPS vox_contracts)
vox_unit_test(contracts_faults DEPS vox_contracts)
vox_unit_test(contracts_guard DEPS vox_contracts)
vox_unit_test(contracts_load DEPS vox_contracts)
vox_unit_test(contracts_recognise DEPS vox_contracts)
