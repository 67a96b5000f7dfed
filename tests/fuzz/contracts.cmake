# SPDX-License-Identifier: Apache-2.0
vox_fuzz(contract_judge DEPS vox_contracts)
vox_fuzz(guard DEPS vox_contracts)
if(VOX_FUZZ)
  target_compile_definitions(fuzz_guard PRIVATE VOX_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_compile_definitions(fuzz_contract_judge PRIVATE VOX_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
else()
  target_compile_definitions(replay_guard PRIVATE VOX_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_compile_definitions(replay_contract_judge PRIVATE VOX_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  # The samples are seeds too, where they stand.
  file(GLOB samples CONFIGURE_DEPENDS LIST_DIRECTORIES true "${CMAKE_SOURCE_DIR}/contracts/samples/*/*valid")
  add_test(NAME replay.contract_judge.samples COMMAND replay_contract_judge ${samples})
  set_tests_properties(replay.contract_judge.samples PROPERTIES LABELS replay TIMEOUT 120)
endif()
