# SPDX-License-Identifier: Apache-2.0
foreach(name writer writer_faults)
  vox_unit_test(${name} SOURCES test_writer_fake.c DEPS vox_writer)
endforeach()
# Starts a PostgreSQL cluster of its own.
vox_unit_test(writer_backend SOURCES test_store_cluster.c DEPS vox_writer)
set_tests_properties(unit.writer_backend PROPERTIES TIMEOUT 300)
