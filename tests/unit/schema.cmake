# SPDX-License-Identifier: Apache-2.0
vox_unit_test(schema DEPS vox_schema)
vox_unit_test(schema_2020 DEPS vox_schema)
vox_unit_test(schema_compile DEPS vox_schema)
vox_unit_test(schema_fast DEPS vox_schema)
vox_unit_test(schema_format DEPS vox_schema)
vox_unit_test(schema_memory DEPS vox_schema)
vox_unit_test(schema_plan DEPS vox_schema)
vox_unit_test(schema_plan_contracts DEPS vox_schema)
vox_unit_test(schema_reasons DEPS vox_schema)
vox_unit_test(schema_regex DEPS vox_schema)
vox_unit_test(schema_uri DEPS vox_schema)
target_link_options(test_schema_memory PRIVATE "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc")

# The official suite is no part of the tree: tests/conformance/json-schema runs it where it is installed.
add_executable(json_schema_runner "${CMAKE_SOURCE_DIR}/tests/conformance/json_schema_runner.c")
target_link_libraries(json_schema_runner PRIVATE vox_schema)
set_target_properties(json_schema_runner PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
add_test(NAME conformance.json_schema
         COMMAND "${CMAKE_SOURCE_DIR}/tests/conformance/json-schema")
set_tests_properties(conformance.json_schema PROPERTIES LABELS unit SKIP_RETURN_CODE 77 TIMEOUT 120
                     ENVIRONMENT "JSON_SCHEMA_RUNNER=${CMAKE_BINARY_DIR}/tests/json_schema_runner")
add_test(NAME conformance.metaschemas COMMAND "${CMAKE_SOURCE_DIR}/tests/conformance/metaschemas")
set_tests_properties(conformance.metaschemas PROPERTIES LABELS unit SKIP_RETURN_CODE 77)
