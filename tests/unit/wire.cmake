# SPDX-License-Identifier: Apache-2.0
foreach(name batch_line coding crypto event_text identity problem receipt signature token)
  vox_unit_test(${name} DEPS vox_wire)
endforeach()
