-- min_sink: 1
-- Receipts of quarantined events, which the ledger knows as well.
-- SPDX-License-Identifier: Apache-2.0

-- An unknown contract has no row to join: its events were acknowledged all the same. Older sinks read the columns before the
-- last, and give such a receipt without saying where the event lies.
CREATE OR REPLACE VIEW telemetry.project_receipts WITH (security_barrier) AS
    SELECT k.event_id, k.project_id, coalesce(c.name, 'unknown') AS contract, k.received_at, k.sha256, k.state = 1 AS quarantined
    FROM telemetry.event_keys k LEFT JOIN telemetry.contracts c ON c.id = k.contract_id
    WHERE k.project_id = telemetry.current_project() AND k.state IN (0, 1);
