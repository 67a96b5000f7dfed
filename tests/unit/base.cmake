# SPDX-License-Identifier: Apache-2.0
foreach(name arena buf bug clock err file hex json near quote secret_env str uuid)
  vox_unit_test(${name} DEPS vox_base)
endforeach()
vox_unit_test(log DEPS vox_json vox_base)
