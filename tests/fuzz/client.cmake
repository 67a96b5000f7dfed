# SPDX-License-Identifier: Apache-2.0
vox_fuzz(client
  SOURCES "${CMAKE_SOURCE_DIR}/client/consent.c" "${CMAKE_SOURCE_DIR}/client/sink.c" "${CMAKE_SOURCE_DIR}/client/reply.c"
  DEPS vox_spool vox_wire vox_json vox_base)
