# SPDX-License-Identifier: Apache-2.0
vox_unit_test(json_parse DEPS vox_json)
vox_unit_test(json_shapes DEPS vox_json)
# jansson is what our parser is held against; nothing that is installed needs it.
if(TARGET PkgConfig::jansson)
  add_library(json_peer STATIC json_peer.c json_peer_jansson.c)
  target_link_libraries(json_peer PUBLIC vox_json PkgConfig::jansson)
  vox_unit_test(json_peer DEPS json_peer vox_json)
endif()
