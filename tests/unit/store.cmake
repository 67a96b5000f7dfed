# SPDX-License-Identifier: Apache-2.0
vox_unit_test(spans DEPS vox_store)
# Each of these starts a PostgreSQL cluster of its own.
foreach(name store store_faults store_next store_hosts store_schema store_partitions store_read store_admin store_retention store_quarantine store_tokens)
  vox_unit_test(${name} SOURCES test_store_cluster.c DEPS vox_store)
  set_tests_properties(unit.${name} PROPERTIES TIMEOUT 300)
endforeach()
