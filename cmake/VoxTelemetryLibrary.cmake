# SPDX-License-Identifier: Apache-2.0
# libvoxtelemetry, shared and static: lib/spool and what it stands on, with nothing to be seen but the functions of
# voxtelemetry.h.

find_program(VOX_OBJCOPY NAMES objcopy REQUIRED)
set(spool_dir "${CMAKE_SOURCE_DIR}/lib/spool")

# Its own source only: the rest comes out of the folders' archives, as far as it is used.
add_library(voxtelemetry SHARED "${spool_dir}/voxtelemetry.c")
target_link_libraries(voxtelemetry PRIVATE vox_spool vox_wire vox_json vox_base)
target_link_options(voxtelemetry PRIVATE "-Wl,--version-script=${spool_dir}/voxtelemetry.map"
                    -Wl,--as-needed)
set_target_properties(voxtelemetry PROPERTIES
  VERSION "${PROJECT_VERSION}" SOVERSION 0
  LINK_DEPENDS "${spool_dir}/voxtelemetry.map"
  LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

# One object, in which the linker has joined what the library uses and every other name is local.
set(joined "${CMAKE_BINARY_DIR}/voxtelemetry_joined.o")
set(archives "$<TARGET_FILE:vox_spool>" "$<TARGET_FILE:vox_wire>"
             "$<TARGET_FILE:vox_json>" "$<TARGET_FILE:vox_base>")
add_custom_command(
  OUTPUT "${joined}"
  COMMAND "${CMAKE_C_COMPILER}" -nostdlib -r -Wl,-u,vox_telemetry_open -o "${joined}"
          -Wl,--start-group "${archives}" -Wl,--end-group
  COMMAND "${VOX_OBJCOPY}" --wildcard "--keep-global-symbol=vox_telemetry_*" "${joined}"
  DEPENDS "${archives}" vox_spool vox_wire vox_json vox_base COMMAND_EXPAND_LISTS VERBATIM)
add_library(voxtelemetry_static STATIC "${joined}")
set_source_files_properties("${joined}" PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
set_target_properties(voxtelemetry_static PROPERTIES
  OUTPUT_NAME voxtelemetry LINKER_LANGUAGE C ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

file(RELATIVE_PATH VOX_PC_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" VOX_PC_TO_PREFIX "${VOX_PC_TO_PREFIX}")
configure_file("${spool_dir}/voxtelemetry.pc.in" "${CMAKE_BINARY_DIR}/voxtelemetry.pc" @ONLY)

install(TARGETS voxtelemetry voxtelemetry_static
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${spool_dir}/voxtelemetry.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${CMAKE_BINARY_DIR}/voxtelemetry.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
