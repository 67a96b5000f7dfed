# SPDX-License-Identifier: Apache-2.0
set(client "${CMAKE_SOURCE_DIR}/client")
set(upload_sources "${client}/upload.c" "${client}/upload_load.c" "${client}/upload_send.c"
    "${client}/upload_answer.c" "${client}/upload_settle.c" "${client}/flight.c" "${client}/pace.c"
    "${client}/link.c" "${client}/advice.c" "${client}/settings.c" "${client}/reply.c"
    "${client}/keeper.c" "${client}/sink.c" "${client}/request.c" "${client}/sweep.c")
vox_unit_test(upload SOURCES ${upload_sources} DEPS vox_spool vox_wire vox_base PkgConfig::libcurl)
vox_unit_test(upload_entries SOURCES ${upload_sources} DEPS vox_spool vox_wire vox_base PkgConfig::libcurl)
vox_unit_test(upload_parts
  SOURCES "${client}/flight.c" "${client}/pace.c" "${client}/link.c" "${client}/reply.c"
  DEPS vox_spool vox_wire vox_base PkgConfig::libcurl)
vox_unit_test(client
  SOURCES "${client}/settings.c" "${client}/text.c" "${client}/command.c" "${client}/units.c"
          "${client}/consent.c" "${client}/sink.c" "${client}/reply.c" "${client}/advice.c"
  DEPS vox_spool vox_wire vox_base PkgConfig::libcurl)
vox_unit_test(sweep SOURCES "${client}/sweep.c" DEPS vox_spool vox_wire vox_base Threads::Threads)
