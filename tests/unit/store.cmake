# SPDX-License-Identifier: Apache-2.0
# Each starts a PostgreSQL cluster of its own.
vox_unit_test(store SOURCES test_store_cluster.c DEPS vox_store)
vox_unit_test(store_schema SOURCES test_store_cluster.c DEPS vox_store)
vox_unit_test(store_read SOURCES test_store_cluster.c DEPS vox_store)
set_tests_properties(unit.store unit.store_schema unit.store_read PROPERTIES TIMEOUT 300)
