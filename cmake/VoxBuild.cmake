# SPDX-License-Identifier: Apache-2.0
# Compiler flags as target properties, and the helpers by which folders declare themselves.

option(VOX_WERROR "warnings are errors" OFF)
option(VOX_HARDEN "release hardening flags" OFF)
option(VOX_TESTS "build tests and benchmarks" ON)
option(VOX_FUZZ "build the libFuzzer targets (clang only)" OFF)
set(VOX_SANITIZE "" CACHE STRING "comma separated list for -fsanitize=")

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

add_library(vox_flags INTERFACE)
target_compile_definitions(vox_flags INTERFACE _GNU_SOURCE VOX_VERSION="${PROJECT_VERSION}")
target_include_directories(vox_flags INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(vox_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wformat=2
  -Wno-missing-field-initializers -fno-common
  "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=" # no path of the building machine in a binary
  -include "${CMAKE_SOURCE_DIR}/lib/base/banned.h")
if(VOX_WERROR)
  target_compile_options(vox_flags INTERFACE -Werror)
endif()
if(VOX_SANITIZE)
  target_compile_options(vox_flags INTERFACE "-fsanitize=${VOX_SANITIZE}" -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(vox_flags INTERFACE "-fsanitize=${VOX_SANITIZE}")
endif()
if(VOX_FUZZ)
  # The libraries are instrumented too: coverage is what guides the fuzzer.
  target_compile_options(vox_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(vox_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(VOX_HARDEN)
  target_compile_options(vox_flags INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
    -fcf-protection=full -ftrivial-auto-var-init=zero -Werror=format-security)
  # Debian's clang 14 refuses the gcc spelling of some of these; it is not the release compiler.
  target_link_options(vox_flags INTERFACE
                      "$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>" -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

# vox_library(NAME DEPS other_vox_lib PkgConfig::x): a folder is one static library, made of all its .c files.
function(vox_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
  if(NOT sources)
    add_library(vox_${name} INTERFACE)
    target_link_libraries(vox_${name} INTERFACE vox_flags ${arg_DEPS})
    return()
  endif()
  add_library(vox_${name} STATIC ${sources} ${arg_SOURCES})
  target_link_libraries(vox_${name} PUBLIC vox_flags ${arg_DEPS})
endfunction()

# vox_program(NAME DEPS …): an installed binary, made of the .c files of its folder.
function(vox_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
  add_executable(${name} ${sources} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE vox_flags ${arg_DEPS})
  install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endfunction()

# vox_pages(PROGRAM SECTION): its manual page and its completions, installed. The program prints them from its own
# tables, between man.head and man.tail of this folder: no second list that could differ. Not under a sanitizer,
# whose programs may need help to start.
function(vox_pages name section)
  if(VOX_SANITIZE)
    return()
  endif()
  set(out "${CMAKE_BINARY_DIR}/pages/${name}")
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND "${CMAKE_COMMAND}" -DPROGRAM=$<TARGET_FILE:${name}> "-DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}"
            "-DOUT=${out}" -DPAGE=${name}.${section} -P "${CMAKE_SOURCE_DIR}/cmake/pages.cmake"
    VERBATIM)
  set_target_properties(${name} PROPERTIES
    LINK_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/man.head;${CMAKE_CURRENT_SOURCE_DIR}/man.tail")
  install(FILES "${out}/${name}.${section}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
  install(FILES "${out}/bash" RENAME ${name} DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
  install(FILES "${out}/zsh" RENAME _${name} DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
  install(FILES "${out}/fish" RENAME ${name}.fish DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
endfunction()

# vox_unit_test(NAME DEPS …): tests/unit/test_NAME.c on Check, run by ctest with the label "unit".
function(vox_unit_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(test_${name} test_${name}.c ${arg_SOURCES})
  target_link_libraries(test_${name} PRIVATE vox_flags PkgConfig::check ${arg_DEPS})
  target_compile_definitions(test_${name} PRIVATE VOX_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME unit.${name} COMMAND test_${name})
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 300)
endfunction()

# vox_fuzz(NAME DEPS …): tests/fuzz/fuzz_NAME.c. With clang and VOX_FUZZ a libFuzzer program; always a replayer
# of tests/fuzz/regression/NAME/ and tests/fuzz/corpus/NAME/ that ctest runs.
function(vox_fuzz name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  if(VOX_FUZZ)
    add_executable(fuzz_${name} fuzz_${name}.c ${arg_SOURCES})
    target_link_libraries(fuzz_${name} PRIVATE vox_flags ${arg_DEPS})
    target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
  else()
    add_executable(replay_${name} fuzz_${name}.c replay.c ${arg_SOURCES})
    target_link_libraries(replay_${name} PRIVATE vox_flags ${arg_DEPS})
    set_target_properties(replay_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    add_test(NAME replay.${name} COMMAND replay_${name}
             "${CMAKE_CURRENT_SOURCE_DIR}/regression/${name}" "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}")
    set_tests_properties(replay.${name} PROPERTIES LABELS replay TIMEOUT 120)
  endif()
endfunction()
