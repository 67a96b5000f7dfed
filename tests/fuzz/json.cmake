# SPDX-License-Identifier: Apache-2.0
if(TARGET json_peer)
  vox_fuzz(json DEPS json_peer vox_json)
endif()
