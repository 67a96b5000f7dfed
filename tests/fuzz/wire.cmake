# SPDX-License-Identifier: Apache-2.0
vox_fuzz(rfc3339 DEPS vox_base)
foreach(name batch_line coding event_text identity signature token)
  vox_fuzz(${name} DEPS vox_wire)
endforeach()
