# SPDX-License-Identifier: Apache-2.0
vox_unit_test(writer DEPS vox_writer)
# Starts a PostgreSQL cluster of its own.
vox_unit_test(writer_backend SOURCES test_store_cluster.c DEPS vox_writer)
set_tests_properties(unit.writer_backend PROPERTIES TIMEOUT 300)
