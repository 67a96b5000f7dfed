# SPDX-License-Identifier: Apache-2.0
# Each starts a PostgreSQL cluster of its own.
vox_unit_test(store SOURCES test_store_cluster.c DEPS vox_store)
