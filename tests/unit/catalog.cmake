# SPDX-License-Identifier: Apache-2.0
# Each starts a PostgreSQL cluster of its own.
vox_unit_test(catalog_load SOURCES test_store_cluster.c DEPS vox_catalog vox_store)
vox_unit_test(catalog SOURCES test_store_cluster.c DEPS vox_catalog vox_store)
vox_unit_test(keeper SOURCES test_store_cluster.c DEPS vox_keeper vox_store)
vox_unit_test(reader SOURCES test_store_cluster.c DEPS vox_store)
