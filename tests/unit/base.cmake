# SPDX-License-Identifier: Apache-2.0
foreach(name arena buf bug clock err file json log str uuid)
  vox_unit_test(${name} DEPS vox_base)
endforeach()
