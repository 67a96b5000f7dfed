# SPDX-License-Identifier: Apache-2.0
foreach(name args config config_secrets reference)
  vox_unit_test(${name} DEPS vox_config)
endforeach()
