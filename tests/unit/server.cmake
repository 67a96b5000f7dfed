# SPDX-License-Identifier: Apache-2.0
vox_unit_test(config DEPS vox_config)
vox_unit_test(args DEPS vox_config)

# The reference pages are what the program prints from its tables.
foreach(page options problems metrics)
  add_test(NAME docs.${page}
           COMMAND sh -c "\"$1\" reference \"$2\" | diff -u \"$3/docs/reference/$2.md\" -"
                   docs "$<TARGET_FILE:vox-sink>" ${page} "${CMAKE_SOURCE_DIR}")
  set_tests_properties(docs.${page} PROPERTIES LABELS docs TIMEOUT 60)
endforeach()
